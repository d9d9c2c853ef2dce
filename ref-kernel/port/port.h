/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All that differs between the two homes of the reference: a user-space library
 * (port/user) and a Linux module (port/linux). Nothing else in ref-kernel/
 * includes libc or <linux/...>; home.h, found by the include path of the home,
 * supplies fixed-width types, bool, size_t, NULL, errno constants, memcpy,
 * memset, memcmp, strcmp, strlen, UINT16_MAX, UINT32_MAX, UINT64_MAX, and the structs named
 * here. 64-bit only.
 *
 * Errors are negative errno values. "Fail point" marks a function that failure
 * injection (port_fail_set) can make fail.
 */
#ifndef IODIRTY_PORT_H
#define IODIRTY_PORT_H

#include "home.h"

#define PORT_PAGE_LG2 12
#define PORT_PAGE_SIZE (1ULL << PORT_PAGE_LG2)

/* ---- atomics on 64-bit words, in tables that hardware walks as we write ---- */

static inline u64 port_load(const u64 *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void port_store(u64 *p, u64 v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* Returns true and stores @new when *@p was *@old; else *@old is what it was. */
static inline bool port_cmpxchg(u64 *p, u64 *old, u64 new)
{
	return __atomic_compare_exchange_n(p, old, new, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Both return the value before. */
static inline u64 port_fetch_and(u64 *p, u64 v)
{
	return __atomic_fetch_and(p, v, __ATOMIC_ACQ_REL);
}

static inline u64 port_fetch_or(u64 *p, u64 v)
{
	return __atomic_fetch_or(p, v, __ATOMIC_ACQ_REL);
}

static inline void port_count(u64 *p, u64 n)
{
	__atomic_fetch_add(p, n, __ATOMIC_RELAXED);
}

/* ---- memory ---- */

/* Zeroed, up to some 16 MiB, not physically contiguous; NULL when there is none.
 * May sleep. Fail point. */
void *port_alloc(size_t size);
void port_free(void *p); /* NULL is fine */

/* A zeroed table that hardware walks, of 2^@lg2 bytes (a page at least), aligned to
 * its size and contiguous for hardware. NULL: no memory. Fail point. */
void *port_table_alloc(unsigned int lg2);
void port_table_free(void *table, unsigned int lg2);
/* The physical address hardware knows it by, and back. */
u64 port_table_phys(const void *table);
void *port_phys_table(u64 phys);

/* ---- locks; none may be taken recursively. PORT_MUTEX_INIT(name): of a static one.
 * A home may have macros that initialize, so that it can tell the places apart ---- */

#ifndef port_mutex_init
void port_mutex_init(struct port_mutex *m);
#endif
void port_mutex_destroy(struct port_mutex *m);
void port_mutex_lock(struct port_mutex *m);
void port_mutex_unlock(struct port_mutex *m);

/* Readers and a writer; a waiting writer holds new readers off. */
#ifndef port_rwsem_init
void port_rwsem_init(struct port_rwsem *s);
#endif
void port_rwsem_destroy(struct port_rwsem *s);
void port_rwsem_read(struct port_rwsem *s);
void port_rwsem_read_end(struct port_rwsem *s);
void port_rwsem_write(struct port_rwsem *s);
void port_rwsem_write_end(struct port_rwsem *s);

/* ---- the caller's memory ---- */

/* 0 or -EFAULT; a bad address is never a crash. Fail points. */
int port_copy_from_user(void *dst, u64 uaddr, size_t size);
int port_copy_to_user(u64 uaddr, const void *src, size_t size);

/* The address space of the calling process; hold it to use it later. */
struct port_mm *port_mm_get(void);
void port_mm_put(struct port_mm *mm);

/*
 * Pin @npages pages of @mm from page-aligned @uaddr, for write when @write:
 * -EFAULT where it cannot. The pages stay until port_unpin, whatever becomes of
 * the mapping (user home: they stay while the program leaves them mapped; a
 * later access to one that it took away is -EFAULT). Fail points.
 */
int port_pin(struct port_pin *pin, struct port_mm *mm, u64 uaddr, u64 npages, bool write);
/* The same for a memfd from page-aligned @start: also -EINVAL if not within, and
 * -EACCES where the descriptor does not allow @write. */
int port_pin_file(struct port_pin *pin, struct port_file *file, u64 start, u64 npages, bool write);
void port_unpin(struct port_pin *pin);
/*
 * Physical address of page @index, and how many pages from it are physically
 * contiguous (at least 1, at most @max).
 */
u64 port_pin_run(const struct port_pin *pin, u64 index, u64 max, u64 *phys);

/* A reference to an open memfd: NULL with *@err -EBADF or -EINVAL if it is none. */
struct port_file *port_file_get(int fd, int *err);
void port_file_put(struct port_file *file);
u64 port_file_size(const struct port_file *file);

/*
 * Which page it is that lies at @phys: pages reached through two mappings of a
 * file, or by two processes, are the same one exactly when these are equal.
 */
struct port_page_id {
	u64 space, object, index;
};

/*
 * *@n gets how many pages from @phys on lie in one object, indices ascending by
 * one: at least 1, at most @max. -EFAULT: no longer there. Slow; for tests.
 */
int port_page_identify(u64 phys, u64 max, struct port_page_id *id, u64 *n);

/* DMA's way to pinned pages; may not cross a page. 0 or -EFAULT. */
int port_phys_read(u64 phys, void *dst, size_t size);
int port_phys_write(u64 phys, const void *src, size_t size);

/* The 8 bytes at @phys, aligned to 8, as the processor may write them meanwhile: what
 * was there at one moment. 0 or -EFAULT. */
int port_phys_load(u64 phys, u64 *v);

enum port_atomic { PORT_FETCH_ADD, PORT_SWAP, PORT_CAS };
/* Atomic to the processor too. @size is 4 or 8, @phys aligned to it. 0 or -EFAULT;
 * in the user home a page that the program unmaps in this very moment is its
 * SIGSEGV. */
int port_phys_atomic(u64 phys, enum port_atomic op, size_t size, u64 operand, u64 compare,
		     u64 *old);

/*
 * A window on the caller's bitmap. Pinned for write before a dirty bit is
 * cleared, so that delivery cannot fail in the kernel home; in the user home a
 * program that unmaps its bitmap meanwhile gets -EFAULT from _or, which is a fail
 * point there; the harvest then puts back what it cleared.
 */
int port_window_pin(struct port_window *w, u64 uaddr, size_t size); /* fail point */
/*
 * OR @size bytes from @bytes into the window at byte @at. Concurrent ORs into
 * the same bytes, through any window, lose nothing. No other byte is touched.
 */
int port_window_or(struct port_window *w, size_t at, const u8 *bytes, size_t size);
void port_window_unpin(struct port_window *w);

/* ---- threads and time ---- */

/* Run @fn(@arg) until it returns; it must poll port_thread_stopping(). */
int port_thread_start(struct port_thread *t, void (*fn)(void *arg), void *arg);
bool port_thread_stopping(struct port_thread *t);
/* Ask it to stop, and wait until it has. */
void port_thread_stop(struct port_thread *t);
/* Returns early when the thread is asked to stop. */
void port_thread_sleep(struct port_thread *t, u64 ns);
u64 port_now_ns(void); /* monotonic */
u64 port_cpu_ns(void); /* processor time of this thread */
/*
 * Does a signal wait for the caller, who should be let go? It then gets -ERESTARTSYS,
 * which its home turns into the same call once more, or EINTR.
 */
bool port_interrupted(void);
/* Before a long call asks that: signals wait for its end, and are seen to. */
void port_hold_signals(void);

/* ---- descriptors that the reference hands out ---- */

/* Position of a read or write that names none. */
#define PORT_NO_POS UINT64_MAX

struct port_fd_ops {
	void (*release)(void *priv); /* the last close */
	/* What follows is called for the caller's task, by any number of threads at once;
	 * NULL: the descriptor has none. */
	long (*ioctl)(void *priv, unsigned int cmd, u64 arg);
	bool stream; /* reads and writes name no position: ESPIPE for those that do */
	/* Up to @size bytes to, or from, the caller's @uaddr: how many, or -errno. */
	s64 (*read)(void *priv, u64 uaddr, u64 size, u64 pos);
	s64 (*write)(void *priv, u64 uaddr, u64 size, u64 pos);
};

/* A new descriptor of the caller's for @priv, or a negative errno. Fail point. */
int port_fd_install(const struct port_fd_ops *ops, void *priv);
/*
 * @priv of the caller's descriptor @fd, installed with @ops; it is not released
 * before port_fd_put of what *@held gets. NULL if it is not one.
 */
void *port_fd_get(int fd, const struct port_fd_ops *ops, struct port_fd **held);
void port_fd_put(struct port_fd *held);
/* Take back a descriptor that the caller has not been told of. */
void port_fd_close(int fd);

/*
 * A descriptor of records: the caller reads those that we send, one a read, and
 * we receive those that it writes; neither side waits. Until port_queue_close @q outlives the
 * descriptor, then talking to nobody. Fail point.
 */
int port_fd_install_queue(const struct port_fd_ops *ops, void *priv, struct port_queue *q);
/* These three: one caller at a time. Never waits: -EAGAIN when the queue is full, -EPIPE when nobody can read it. */
int port_queue_send(struct port_queue *q, const void *record, size_t size);
/* The next record, cut at @size: its whole length; 0 when there is none. */
size_t port_queue_receive(struct port_queue *q, void *record, size_t size);
void port_queue_close(struct port_queue *q);

/* ---- failure injection, per thread ---- */

/* The @nth fail point from now fails, once; 0: none. Returns what was left. */
u32 port_fail_set(u32 nth);
/* A fail point of the caller's own. */
bool port_fail(void);

/* May the caller change how memory is accounted (CAP_SYS_RESOURCE)? */
bool port_capable_resource(void);

/* ---- an ordered map from u64 to nodes that the caller embeds ---- */

/* struct port_node has a member u64 key, set by the caller before insertion. */
void port_map_init(struct port_map *map);
/* -EEXIST if the key is there. The caller holds a lock over all of these. */
int port_map_insert(struct port_map *map, struct port_node *node);
void port_map_erase(struct port_map *map, struct port_node *node);
/* Smallest key >= @key; greatest key <= @key; the next greater. NULL if none. */
struct port_node *port_map_ceil(struct port_map *map, u64 key);
struct port_node *port_map_floor(struct port_map *map, u64 key);
struct port_node *port_map_next(struct port_node *node);

/* ---- bits ---- */

/*
 * OR @size bytes, at any addresses, the caller alone in @to. By lines of 64 bytes: of a
 * harvest most are clean, and of those that are not each is ORed as a whole, since which
 * of its words are is not to be foreseen.
 */
static inline void port_or(void *to, const void *from, size_t size)
{
	u8 *t = to;
	const u8 *f = from;

	for (; size >= 64; t += 64, f += 64, size -= 64) {
		u64 a[8], b[8], any = 0;

		memcpy(a, f, 64);
		for (int i = 0; i < 8; i++)
			any |= a[i];
		if (!any)
			continue;
		memcpy(b, t, 64);
		for (int i = 0; i < 8; i++)
			b[i] |= a[i];
		memcpy(t, b, 64);
	}
	for (; size; t++, f++, size--)
		if (*f)
			*t |= *f;
}

#define port_container(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* ---- the processor's caches ---- */

#define PORT_CACHE_LINE 64

/* Take [p, p + size) out of them; false: there is no way to. */
static inline bool port_evict(const void *p, size_t size)
{
#ifdef __x86_64__
	for (size_t at = 0; at < size; at += PORT_CACHE_LINE)
		__asm__ volatile("clflush %0" : : "m"(((const char *)p)[at]) : "memory");
	__asm__ volatile("mfence" : : : "memory");
	return true;
#else
	(void)p;
	(void)size;
	return false;
#endif
}

/* ---- small arithmetic ---- */

static inline unsigned int port_ctz(u64 v) /* v != 0 */
{
	return __builtin_ctzll(v);
}

static inline unsigned int port_lg2(u64 v) /* v != 0, rounded down */
{
	return 63 - __builtin_clzll(v);
}

static inline bool port_is_pow2(u64 v)
{
	return v && !(v & (v - 1));
}

static inline u64 port_min(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u64 port_max(u64 a, u64 b)
{
	return a > b ? a : b;
}

#endif
