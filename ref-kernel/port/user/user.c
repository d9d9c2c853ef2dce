/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The caller's memory: copies, the bitmap window, and the pages that DMA uses.
 */
#include "self.h"

int port_copy_from_user(void *dst, u64 uaddr, size_t size)
{
	return port_fail() ? -EFAULT : self_read(dst, uaddr, size);
}

int port_copy_to_user(u64 uaddr, const void *src, size_t size)
{
	return port_fail() ? -EFAULT : self_write(uaddr, src, size);
}

int port_phys_read(u64 phys, void *dst, size_t size)
{
	return self_read(dst, phys, size);
}

int port_phys_write(u64 phys, const void *src, size_t size)
{
	return self_write(phys, src, size);
}

static u32 atomic4(u32 *p, enum port_atomic op, u32 operand, u32 compare)
{
	switch (op) {
	case PORT_FETCH_ADD:
		return __atomic_fetch_add(p, operand, __ATOMIC_SEQ_CST);
	case PORT_SWAP:
		return __atomic_exchange_n(p, operand, __ATOMIC_SEQ_CST);
	case PORT_CAS:
		__atomic_compare_exchange_n(p, &compare, operand, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
	}
	return compare;
}

static u64 atomic8(u64 *p, enum port_atomic op, u64 operand, u64 compare)
{
	switch (op) {
	case PORT_FETCH_ADD:
		return __atomic_fetch_add(p, operand, __ATOMIC_SEQ_CST);
	case PORT_SWAP:
		return __atomic_exchange_n(p, operand, __ATOMIC_SEQ_CST);
	case PORT_CAS:
		__atomic_compare_exchange_n(p, &compare, operand, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
	}
	return compare;
}

/*
 * No system call is atomic to the processor, so the page is touched directly
 * once it is known to be there and writable. A program that unmaps it in the
 * instant between gets the SIGSEGV that its own access would have got.
 */
int port_phys_atomic(u64 phys, enum port_atomic op, size_t size, u64 operand, u64 compare, u64 *old)
{
	if (self_populate(phys, size, true))
		return -EFAULT;
	if (size == 4)
		*old = atomic4((u32 *)phys, op, operand, compare);
	else
		*old = atomic8((u64 *)phys, op, operand, compare);
	return 0;
}

int port_window_pin(struct port_window *w, u64 uaddr, size_t size)
{
	if (port_fail() || self_populate(uaddr, size, true))
		return -EFAULT;
	w->uaddr = uaddr;
	w->size = size;
	return 0;
}

void port_window_unpin(struct port_window *w)
{
	w->size = 0;
}

/* Over read, OR and write back, for any window: two may lie on the same bytes. */
static struct port_mutex or_lock = { PTHREAD_MUTEX_INITIALIZER };

static int or_chunk(u64 uaddr, const u8 *bytes, size_t size)
{
	static u8 held[PORT_PAGE_SIZE]; /* under or_lock */
	size_t i;

	if (self_read(held, uaddr, size))
		return -EFAULT;
	for (i = 0; i < size; i++)
		held[i] |= bytes[i];
	return self_write(uaddr, held, size);
}

/*
 * That every page is writable is seen before the first byte is written, hence
 * an error has changed nothing, but for one case: a program that unmaps or
 * protects its bitmap while we write keeps bits set for leaves that were dirty
 * and, put back by the harvest, still are. The program's own writes to these
 * bytes meanwhile may be lost; it must not write to a bitmap being filled.
 */
int port_window_or(struct port_window *w, size_t at, const u8 *bytes, size_t size)
{
	u64 uaddr = w->uaddr + at;
	int err;

	if (port_fail())
		return -EFAULT;
	port_mutex_lock(&or_lock);
	err = self_populate(uaddr, size, true);
	while (!err && size) {
		size_t part = port_min(size, PORT_PAGE_SIZE);

		err = or_chunk(uaddr, bytes, part);
		uaddr += part;
		bytes += part;
		size -= part;
	}
	port_mutex_unlock(&or_lock);
	return err;
}
