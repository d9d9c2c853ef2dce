/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The user-space home of the reference keeps what port.h promises. */
#define _GNU_SOURCE
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "port.h"
#include "ref.h"
#include "self.h"

#define PAGE PORT_PAGE_SIZE

/* Addresses at which there is nothing of ours. */
static const u64 bad[] = {
	0,
	8,
	0x0000800000000000, /* the first that is not canonical */
	0x8000000000000000,
	0xffff7fffffffffff,
	0xffff800000000000, /* the kernel's half */
	0xffffffff81000000,
	0xfffffffffffff000,
	0xfffffffffffffffc, /* wraps */
};
#define BAD (int)(sizeof(bad) / sizeof(bad[0]))

static u8 *map_pages(u64 n)
{
	void *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	return p;
}

/* @n pages, and after them one that is not mapped. */
static u8 *map_edge(u64 n)
{
	u8 *p = map_pages(n + 1);

	munmap(p + n * PAGE, PAGE);
	return p;
}

START_TEST(bad_address)
{
	struct port_mm *mm = port_mm_get();
	struct port_window w;
	struct port_pin pin;
	u64 old;
	u8 buf[8] = { 0 };

	ck_assert_int_eq(port_copy_from_user(buf, bad[_i], 8), -EFAULT);
	ck_assert_int_eq(port_copy_to_user(bad[_i], buf, 8), -EFAULT);
	ck_assert_int_eq(port_phys_read(bad[_i], buf, 8), -EFAULT);
	ck_assert_int_eq(port_phys_write(bad[_i], buf, 8), -EFAULT);
	ck_assert_int_eq(port_phys_atomic(bad[_i] & ~7ULL, PORT_SWAP, 8, 1, 0, &old), -EFAULT);
	ck_assert_int_eq(port_window_pin(&w, bad[_i], 8), -EFAULT);
	ck_assert_int_eq(port_pin(&pin, mm, bad[_i] & ~(PAGE - 1), 1, false), -EFAULT);
	ck_assert_int_eq(port_pin(&pin, mm, bad[_i] & ~(PAGE - 1), 1, true), -EFAULT);
	/* Nothing is asked for: nothing can be wrong. */
	ck_assert_int_eq(port_copy_from_user(buf, bad[_i], 0), 0);
	ck_assert_int_eq(port_copy_to_user(bad[_i], buf, 0), 0);
	port_mm_put(mm);
}
END_TEST

START_TEST(copy_edge)
{
	u8 *p = map_edge(1), buf[16] = "0123456789abcde";

	ck_assert_int_eq(port_copy_to_user((u64)p + PAGE - 16, buf, 16), 0);
	ck_assert_mem_eq(p + PAGE - 16, buf, 16);
	ck_assert_int_eq(port_copy_to_user((u64)p + PAGE - 15, buf, 16), -EFAULT);
	ck_assert_int_eq(port_copy_from_user(buf, (u64)p + PAGE - 15, 16), -EFAULT);
	mprotect(p, PAGE, PROT_READ);
	ck_assert_int_eq(port_copy_from_user(buf, (u64)p, 16), 0);
	ck_assert_int_eq(port_copy_to_user((u64)p, buf, 16), -EFAULT);
	ck_assert_int_eq(port_phys_write((u64)p, buf, 16), -EFAULT);
	mprotect(p, PAGE, PROT_NONE);
	ck_assert_int_eq(port_copy_from_user(buf, (u64)p, 16), -EFAULT);
}
END_TEST

START_TEST(pin_rules)
{
	struct port_mm *mm = port_mm_get();
	u8 *p = map_edge(4);
	struct port_pin pin;
	u64 phys;

	ck_assert_int_eq(port_pin(&pin, mm, (u64)p, 5, true), -EFAULT);
	ck_assert_int_eq(port_pin(&pin, mm, (u64)p, ~0ULL, true), -EFAULT);
	ck_assert_int_eq(port_pin(&pin, mm, (u64)p, 1ULL << 40, true), -EFAULT);
	ck_assert_int_eq(port_pin(&pin, mm, (u64)p, 4, true), 0);
	ck_assert_uint_eq(port_pin_run(&pin, 1, 8, &phys), 3);
	ck_assert_uint_eq(phys, (u64)p + PAGE);
	ck_assert_uint_eq(port_pin_run(&pin, 0, 2, &phys), 2);
	port_unpin(&pin);
	p[0] = 1; /* it is the program's still */

	mprotect(p + PAGE, PAGE, PROT_READ);
	ck_assert_int_eq(port_pin(&pin, mm, (u64)p, 4, true), -EFAULT);
	ck_assert_int_eq(port_pin(&pin, mm, (u64)p, 4, false), 0);
	port_unpin(&pin);
	port_mm_put(mm);
}
END_TEST

START_TEST(pin_file)
{
	int fd = memfd_create("port_test", MFD_CLOEXEC), ro, err = 0;
	struct port_file *file;
	struct port_pin pin;
	u64 phys, v = 0x1122334455667788, seen;
	char path[32];
	u8 *p;

	ck_assert_int_eq(ftruncate(fd, 3 * PAGE), 0);
	p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	file = port_file_get(fd, &err);
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(port_file_size(file), 3 * PAGE);
	ck_assert_int_eq(port_pin_file(&pin, file, PAGE, 3, true), -EINVAL);
	ck_assert_int_eq(port_pin_file(&pin, file, 3 * PAGE, 1, true), -EINVAL);
	ck_assert_int_eq(port_pin_file(&pin, file, ~(PAGE - 1), 2, true), -EINVAL);
	ck_assert_int_eq(port_pin_file(&pin, file, 0, ~0ULL, true), -EINVAL);
	ck_assert_int_eq(port_pin_file(&pin, file, PAGE, 2, true), 0);
	ck_assert_uint_eq(port_pin_run(&pin, 1, 9, &phys), 1);
	ck_assert_int_eq(port_phys_write(phys, &v, 8), 0);
	ck_assert_mem_eq(p + 2 * PAGE, &v, 8);
	port_unpin(&pin);
	ck_assert_int_eq(port_phys_read(phys, &v, 8), -EFAULT);
	port_file_put(file);

	/* A descriptor for reading: for reading. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	file = port_file_get(ro, &err);
	ck_assert_ptr_nonnull(file);
	close(ro);
	close(fd);
	ck_assert_int_eq(port_pin_file(&pin, file, PAGE, 2, true), -EACCES);
	ck_assert_int_eq(port_pin_file(&pin, file, PAGE, 2, false), 0);
	ck_assert_uint_eq(port_pin_run(&pin, 1, 9, &phys), 1);
	ck_assert_int_eq(port_phys_read(phys, &seen, 8), 0);
	ck_assert_mem_eq(&seen, p + 2 * PAGE, 8);
	port_unpin(&pin);
	port_file_put(file);

	ck_assert_ptr_null(port_file_get(-1, &err));
	ck_assert_int_eq(err, -EBADF);
	ck_assert_ptr_null(port_file_get(fd, &err));
	ck_assert_int_eq(err, -EBADF);
	fd = open("/dev/null", O_RDWR);
	ck_assert_ptr_null(port_file_get(fd, &err));
	ck_assert_int_eq(err, -EINVAL);
	close(fd);
}
END_TEST

START_TEST(atomics)
{
	u8 *p = map_edge(1);
	u64 *q = (u64 *)(p + PAGE - 8), old;

	*q = 10;
	ck_assert_int_eq(port_phys_atomic((u64)q, PORT_FETCH_ADD, 8, 5, 0, &old), 0);
	ck_assert_uint_eq(old, 10);
	ck_assert_int_eq(port_phys_atomic((u64)q, PORT_SWAP, 8, ~0ULL, 0, &old), 0);
	ck_assert_uint_eq(old, 15);
	/* Four bytes: carries go nowhere, the neighbour stays. */
	ck_assert_int_eq(port_phys_atomic((u64)q, PORT_FETCH_ADD, 4, 2, 0, &old), 0);
	ck_assert_uint_eq(old, 0xffffffff);
	ck_assert_uint_eq(*q, 0xffffffff00000001);
	ck_assert_int_eq(port_phys_atomic((u64)q, PORT_CAS, 4, 7, 2, &old), 0);
	ck_assert_uint_eq(old, 1);
	ck_assert_uint_eq(*q, 0xffffffff00000001);
	ck_assert_int_eq(port_phys_atomic((u64)q, PORT_CAS, 8, 7, *q, &old), 0);
	ck_assert_uint_eq(*q, 7);
	ck_assert_int_eq(port_phys_atomic((u64)p + PAGE, PORT_CAS, 8, 7, 7, &old), -EFAULT);
	mprotect(p, PAGE, PROT_READ);
	ck_assert_int_eq(port_phys_atomic((u64)q, PORT_CAS, 8, 7, 0, &old), -EFAULT);
}
END_TEST

/* OR at every kind of edge: what is inside is ORed, what is outside stays. */
START_TEST(window_or)
{
	static const size_t starts[] = { 0, 1, 7, PAGE - 1, PAGE, PAGE + 1 };
	static const size_t sizes[] = { 0, 1, 8, 9, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE + 5 };
	u8 *p = map_edge(5), was[5 * PAGE], bytes[4 * PAGE];
	struct port_window w;
	size_t s, n, i;

	srand(1);
	for (s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
		for (n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
			for (i = 0; i < sizeof(was); i++)
				was[i] = p[i] = rand() & rand();
			for (i = 0; i < sizeof(bytes); i++)
				bytes[i] = rand() & rand();
			/* a window that begins a little before */
			ck_assert_int_eq(port_window_pin(&w, (u64)p + starts[s], sizes[n] + 3), 0);
			ck_assert_int_eq(port_window_or(&w, 3, bytes, sizes[n]), 0);
			port_window_unpin(&w);
			for (i = 0; i < sizes[n]; i++)
				was[starts[s] + 3 + i] |= bytes[i];
			ck_assert_mem_eq(p, was, sizeof(was));
		}
	}
}
END_TEST

START_TEST(window_errors)
{
	u8 *p = map_edge(3), ones[2 * PAGE], zero[2 * PAGE] = { 0 };
	struct port_window w;

	memset(ones, 0xff, sizeof(ones));
	ck_assert_int_eq(port_window_pin(&w, (u64)p + PAGE, 2 * PAGE + 1), -EFAULT);
	ck_assert_int_eq(port_window_pin(&w, (u64)p + 1, ~0ULL), -EFAULT);
	ck_assert_int_eq(port_window_pin(&w, (u64)p, 3 * PAGE), 0);
	/* The program takes the second page's permission, then the page. */
	mprotect(p + PAGE, PAGE, PROT_READ);
	ck_assert_int_eq(port_window_pin(&w, (u64)p, 3 * PAGE), -EFAULT);
	ck_assert_int_eq(port_window_or(&w, 0, ones, sizeof(ones)), -EFAULT);
	ck_assert_mem_eq(p, zero, sizeof(zero));
	munmap(p + PAGE, PAGE);
	ck_assert_int_eq(port_window_or(&w, 0, ones, sizeof(ones)), -EFAULT);
	ck_assert_mem_eq(p, zero, PAGE);
	ck_assert_int_eq(port_window_or(&w, 0, ones, PAGE), 0);
	ck_assert_mem_eq(p, ones, PAGE);
}
END_TEST

static volatile sig_atomic_t caught;
static volatile u8 *volatile guarded;

static void catch (int sig)
{
	caught = sig;
	mprotect((void *)((u64)guarded & ~(PAGE - 1)), PAGE, PROT_READ | PROT_WRITE);
}

/*
 * The page goes after it was looked at, which no test can time: so what stores is called
 * without the look. The program's own handler, and its mask, are its own before, meanwhile
 * and after.
 */
START_TEST(store_guarded)
{
	static const int faults[] = { SIGSEGV, SIGBUS };
	u8 *p = map_edge(2), ones[2 * PAGE + 1];
	struct sigaction action = { .sa_handler = catch }, now;
	struct port_guard guard, inner;
	sigset_t both, mask;
	int file = memfd_create("cut", MFD_CLOEXEC), i;
	u8 *cut;

	memset(ones, 0xff, sizeof(ones));
	sigemptyset(&both);
	for (i = 0; i < 2; i++) {
		sigaction(faults[i], &action, NULL);
		sigaddset(&both, faults[i]);
	}
	pthread_sigmask(SIG_BLOCK, &both, NULL);
	guard_begin(&guard);
	guard_begin(&inner);
	ck_assert_int_eq(guard_or(p, ones, sizeof(ones)), -EFAULT);
	ck_assert_int_eq(guard_or(p, ones, 2 * PAGE), 0);
	ck_assert_mem_eq(p, ones, 2 * PAGE);
	mprotect(p + PAGE, PAGE, PROT_READ);
	ck_assert_int_eq(guard_or(p + PAGE - 8, ones, 16), -EFAULT);
	munmap(p, PAGE);
	ck_assert_int_eq(guard_or(p, ones, 1), -EFAULT);
	guard_end(&inner);
	ck_assert_int_eq(ftruncate(file, PAGE), 0);
	cut = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ck_assert_ptr_ne(cut, MAP_FAILED);
	ck_assert_int_eq(ftruncate(file, 0), 0);
	ck_assert_int_eq(guard_or(cut, ones, 1), -EFAULT); /* a SIGBUS */
	guard_end(&guard);
	close(file);

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	for (i = 0; i < 2; i++) {
		sigaction(faults[i], NULL, &now);
		ck_assert_ptr_eq((void *)now.sa_handler, (void *)catch);
		ck_assert_int_eq(sigismember(&mask, faults[i]), 1);
	}
	pthread_sigmask(SIG_UNBLOCK, &both, NULL);
	ck_assert_int_eq(caught, 0);
	guarded = p + PAGE; /* what the program itself may not write to is its signal */
	*guarded = 1;
	ck_assert_int_eq(caught, SIGSEGV);
}
END_TEST

#define TABLES 1500

/* Tables lie in a row, larger ones aligned; what is freed is used again, lowest first. */
START_TEST(table_order)
{
	static u8 *table[TABLES];
	u8 *large, *again[3];
	int i;

	for (i = 0; i < TABLES; i++) {
		table[i] = port_table_alloc(12);
		ck_assert_ptr_nonnull(table[i]);
		ck_assert_uint_eq((u64)table[i] % PAGE, 0);
		if (i && !PORT_SANITIZED)
			ck_assert_ptr_eq(table[i], table[i - 1] + PAGE);
		memset(table[i], 0xff, PAGE);
	}
	for (unsigned int lg2 = 13; lg2 <= 21; lg2++) {
		large = port_table_alloc(lg2);
		ck_assert_ptr_nonnull(large);
		ck_assert_uint_eq((u64)large & ((1ULL << lg2) - 1), 0);
		for (u64 at = 0; at < 1ULL << lg2; at += PAGE)
			ck_assert_int_eq(large[at], 0);
		port_table_free(large, lg2);
	}
	port_table_free(table[1000], 12);
	port_table_free(table[3], 12);
	port_table_free(table[7], 12);
	for (i = 0; i < 3; i++) {
		again[i] = port_table_alloc(12);
		ck_assert_ptr_nonnull(again[i]);
		for (u64 at = 0; at < PAGE; at++)
			ck_assert_int_eq(again[i][at], 0);
	}
	if (!PORT_SANITIZED) {
		ck_assert_ptr_eq(again[0], table[3]);
		ck_assert_ptr_eq(again[1], table[7]);
		ck_assert_ptr_eq(again[2], table[1000]);
	}
	table[3] = again[0];
	table[7] = again[1];
	table[1000] = again[2];
	for (i = 0; i < TABLES; i++)
		port_table_free(table[i], 12);
}
END_TEST

struct orer {
	struct port_thread thread;
	struct port_window w;
	unsigned int id;
	u64 *go; /* atomic */
};

static void or_bits(void *arg)
{
	struct orer *o = arg;
	u8 bit = 1 << o->id;
	size_t i;

	while (!port_load(o->go))
		;
	for (i = 0; i < PAGE; i++)
		ck_assert_int_eq(port_window_or(&o->w, i, &bit, 1), 0);
}

/* Four threads OR their own bits into the same bytes: none is lost. */
START_TEST(window_race)
{
	struct orer o[4] = { 0 };
	u8 *p = map_pages(1);
	u64 go = 0;
	size_t i;

	for (i = 0; i < 4; i++) {
		o[i].id = i;
		o[i].go = &go;
		ck_assert_int_eq(port_window_pin(&o[i].w, (u64)p, PAGE), 0);
		ck_assert_int_eq(port_thread_start(&o[i].thread, or_bits, &o[i]), 0);
	}
	port_store(&go, 1);
	for (i = 0; i < 4; i++)
		port_thread_stop(&o[i].thread);
	for (i = 0; i < PAGE; i++)
		ck_assert_uint_eq(p[i], 0xf);
}
END_TEST

static u64 key_of(struct port_node *node)
{
	return node ? node->key : 12345; /* no key below */
}

/* 64 keys, both ends of the range among them, beside an array of what is in. */
START_TEST(map_model)
{
	struct port_node nodes[64];
	bool in[64] = { 0 };
	struct port_map map;
	int i, k, up, down;

	port_map_init(&map);
	for (k = 0; k < 64; k++)
		nodes[k].key = k < 32 ? k * 3ULL : ~0ULL - 3 * (63 - k);
	srand(2);
	for (i = 0; i < 20000; i++) {
		k = rand() % 64;
		if (in[k]) {
			struct port_node twin = { .key = nodes[k].key };

			ck_assert_int_eq(port_map_insert(&map, &twin), -EEXIST);
			port_map_erase(&map, &nodes[k]);
		} else {
			ck_assert_int_eq(port_map_insert(&map, &nodes[k]), 0);
		}
		in[k] = !in[k];
		k = rand() % 64;
		for (up = k; up < 64 && !in[up]; up++)
			;
		for (down = k; down >= 0 && !in[down]; down--)
			;
		ck_assert_uint_eq(key_of(port_map_ceil(&map, nodes[k].key)),
				  key_of(up < 64 ? &nodes[up] : NULL));
		ck_assert_uint_eq(key_of(port_map_floor(&map, nodes[k].key)),
				  key_of(down >= 0 ? &nodes[down] : NULL));
		if (!in[k])
			continue;
		for (up = k + 1; up < 64 && !in[up]; up++)
			;
		ck_assert_ptr_eq(port_map_next(&nodes[k]), up < 64 ? &nodes[up] : NULL);
		/* between keys */
		if (nodes[k].key && nodes[k].key + 1) {
			ck_assert_ptr_eq(port_map_floor(&map, nodes[k].key + 1), &nodes[k]);
			ck_assert_ptr_eq(port_map_ceil(&map, nodes[k].key - 1), &nodes[k]);
		}
	}
}
END_TEST

/* Each fail point of a fixed sequence fails in its turn, once. */
START_TEST(fail_nth)
{
	struct port_mm *mm = port_mm_get();
	u8 *p = map_pages(1);
	struct port_window w;
	struct port_pin pin;
	u32 nth, failed;
	u64 v = 0;
	void *a;

	for (nth = 0; nth <= 7; nth++) {
		ck_assert_uint_eq(port_fail_set(nth), 0);
		failed = 0;
		a = port_alloc(64);
		failed |= !a << 1;
		port_free(a);
		a = port_table_alloc(12);
		failed |= !a << 2;
		port_table_free(a, 12);
		failed |= !!port_copy_from_user(&v, (u64)p, 8) << 3;
		failed |= !!port_copy_to_user((u64)p, &v, 8) << 4;
		failed |= !!port_pin(&pin, mm, (u64)p, 1, true) << 5;
		failed |= !!port_window_pin(&w, (u64)p, 8) << 6;
		ck_assert_uint_eq(failed, nth && nth <= 6 ? 1 << nth : 0);
		ck_assert_uint_eq(port_fail_set(0), nth == 7 ? 1 : 0);
	}
}
END_TEST

static int released;

static void release(void *priv)
{
	*(int *)priv += 1;
}

START_TEST(descriptors)
{
	static const struct port_fd_ops ops = { .release = release },
					other = { .release = release };
	int fd = port_fd_install(&ops, &released), again;
	struct port_fd *held, *none;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_ptr_null(port_fd_get(fd, &other, &none));
	ck_assert_ptr_null(port_fd_get(fd + 1, &ops, &none));
	ck_assert_ptr_null(port_fd_get(-1, &ops, &none));
	ck_assert_ptr_eq(port_fd_get(fd, &ops, &held), &released);
	/* Closed while held: gone for newcomers, alive for the holder. */
	ck_assert_int_eq(ref_close(fd), 0);
	ck_assert_int_eq(ref_close(fd), -EBADF);
	ck_assert_ptr_null(port_fd_get(fd, &ops, &none));
	ck_assert_int_eq(released, 0);
	again = port_fd_install(&ops, &released);
	ck_assert_int_ne(again, fd);
	port_fd_put(held);
	ck_assert_int_eq(released, 1);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	ck_assert_int_eq(ref_close(again), 0);
	ck_assert_int_eq(released, 2);
	ck_assert_int_eq(ref_close(0), -EBADF);
	ck_assert_int_eq(fcntl(0, F_GETFD) >= 0, 1);
}
END_TEST

static void sleeper(void *arg)
{
	struct port_thread *t = arg;

	while (!port_thread_stopping(t))
		port_thread_sleep(t, 3600 * 1000000000ULL);
}

START_TEST(sleep_ends_early)
{
	struct port_thread t;

	ck_assert_int_eq(port_thread_start(&t, sleeper, &t), 0);
	usleep(10000);
	port_thread_stop(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("port");
	TCase *t = tcase_create("user");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, bad_address, 0, BAD);
	tcase_add_test(t, copy_edge);
	tcase_add_test(t, pin_rules);
	tcase_add_test(t, pin_file);
	tcase_add_test(t, atomics);
	tcase_add_test(t, window_or);
	tcase_add_test(t, window_errors);
	tcase_add_test(t, store_guarded);
	tcase_add_test(t, window_race);
	tcase_add_test(t, table_order);
	tcase_add_test(t, map_model);
	tcase_add_test(t, fail_nth);
	tcase_add_test(t, descriptors);
	tcase_add_test(t, sleep_ends_early);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
