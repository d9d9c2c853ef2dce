/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A program for `iodirty run`, as anybody might write it: it knows the ABI and
 * libc. Each case is a process of its own, so nothing has to be cleaned up.
 */
#ifndef IODIRTY_GUEST_H
#define IODIRTY_GUEST_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/iodirty.h"
#include "abi/iommufd.h"
#include "abi/iommufd_test.h"

#define PAGE 4096UL
#define IOVA 0x1000000UL /* in every format's aperture */
#define EXIT_SKIP 77

struct guest_case {
	const char *name, *shows;
	void (*run)(void);
	struct guest_case *next;
};

void guest_add(struct guest_case *c);
extern char **guest_args; /* what follows the case's name; ends with NULL */

/* @shows: what has been seen when it returns. test_run.py finds cases by this word. */
#define CASE(fn, text)                                                                  \
	static void fn(void);                                                           \
	static __attribute__((constructor)) void add_##fn(void)                         \
	{                                                                               \
		static struct guest_case c = { .name = #fn, .shows = text, .run = fn }; \
                                                                                        \
		guest_add(&c);                                                          \
	}                                                                               \
	static void fn(void)
/* What a case becomes by exec. */
#define HELPER(fn) CASE(fn, "")

void guest_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void guest_skip(const char *why) __attribute__((noreturn));

#define check(cond, ...)                                             \
	do {                                                         \
		if (!(cond))                                         \
			guest_fail(__FILE__, __LINE__, __VA_ARGS__); \
	} while (0)
/* Two numbers are the same; one that a call gave, with errno. */
#define equal(got, want)                                                                 \
	do {                                                                             \
		long got_ = (long)(got), want_ = (long)(want);                           \
                                                                                         \
		check(got_ == want_, "%s is %ld (%m), expected %ld", #got, got_, want_); \
	} while (0)
#define ok(call) equal(call, 0)
#define fails(call, err)                                                                          \
	do {                                                                                      \
		errno = 0;                                                                        \
		long got_ = (long)(call);                                                         \
                                                                                                  \
		check(got_ == -1 && errno == (err), "%s gives %ld, errno %d, expected %s", #call, \
		      got_, errno, #err);                                                         \
	} while (0)

/* ---- the ABI, a function a call; those that give an id or a descriptor fail the case ---- */

int iommu_open(void);
uint32_t new_ioas(int fd);
int destroy(int fd, uint32_t id);
int map_at(int fd, uint32_t ioas, const void *mem, size_t length, uint64_t iova);
int map_file(int fd, uint32_t ioas, int file, uint64_t start, size_t length); /* at IOVA */
uint32_t new_device(int fd, uint32_t ioas); /* plugged by our control interface, attached */
void new_mock(int fd, uint32_t ioas, uint32_t *stdev, uint32_t *idev);
uint32_t new_hwpt(int fd, uint32_t ioas, uint32_t idev, uint32_t flags);
int set_tracking(int fd, uint32_t hwpt, bool on);
/* A DMA write, or read, of @length bytes: its result in @d. */
struct iodirty_dma dma(int fd, uint32_t dev, enum iodirty_dma_op op, uint64_t iova, void *data,
		       size_t length);
int new_access(int fd, uint32_t ioas, uint32_t flags);
int access_rw(int fd, int access, uint64_t iova, void *data, size_t length, bool write);

/* ---- the host ---- */

void *memory(size_t length); /* private, of zeros */
/* A stream of DMA writes to the page @mem, through a new device: it is running. */
void stream(int fd, volatile uint64_t *mem);
/* Nothing writes to the page @mem any more; something does, within seconds. */
bool quiet(const volatile uint64_t *mem);
bool writes(const volatile uint64_t *mem);
int fail_nth(pid_t tid); /* the file that sets it for that thread */
pid_t child(void); /* fork(); the child must not return from its case */
void reap(pid_t pid); /* it must have exited with 0 */
void run_self(const char *helper, long a, long b) __attribute__((noreturn)); /* by exec */
unsigned int count_fds(pid_t pid); /* open descriptors of a process */
/* So many are open in process @pid within a second: what is released late is waited for. */
void expect_fds(pid_t pid, unsigned int n);
void msleep(unsigned int ms);

#endif
