/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Threads, signals, the death of a caller. */
#define _GNU_SOURCE
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "guest.h"

#define THREADS 8
#define ROUNDS 300

/* Makes and destroys, with an answer in memory of its own; @arg: the descriptor. */
static void *calls(void *arg)
{
	int fd = *(int *)arg;
	char *mem = memory(PAGE);

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t ioas = new_ioas(fd);
		struct iommu_ioas_unmap unmap = { .size = sizeof(unmap),
						  .ioas_id = ioas,
						  .iova = IOVA + i * PAGE,
						  .length = PAGE };

		ok(map_at(fd, ioas, mem, PAGE, IOVA + i * PAGE));
		ok(ioctl(fd, IOMMU_IOAS_UNMAP, &unmap));
		equal(unmap.length, PAGE);
		ok(destroy(fd, ioas));
	}
	return NULL;
}

static void with_threads(void *(*fn)(void *arg), int *fds)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		equal(pthread_create(&threads[i], NULL, fn, &fds[i]), 0);
	for (int i = 0; i < THREADS; i++)
		equal(pthread_join(threads[i], NULL), 0);
}

CASE(threads_share, "threads on one descriptor get right answers, and leave no connection behind")
{
	int fd = iommu_open(), fds[THREADS];
	unsigned int before;

	new_ioas(fd);
	before = count_fds(getpid());
	for (int i = 0; i < THREADS; i++)
		fds[i] = fd;
	with_threads(calls, fds);
	equal(count_fds(getpid()), before);
}

CASE(threads_own, "and on descriptors of their own")
{
	int fds[THREADS];

	for (int i = 0; i < THREADS; i++)
		fds[i] = iommu_open();
	with_threads(calls, fds);
}

static void *opens(void *arg)
{
	for (int i = 0; i < ROUNDS / 3; i++) {
		int fd = iommu_open();

		ok(destroy(fd, new_ioas(fd)));
		ok(close(fd));
	}
	return arg;
}

CASE(threads_open, "threads open and close beside each other")
{
	int fds[THREADS] = { 0 };

	with_threads(opens, fds);
}

static void *forks(void *arg)
{
	int fd = *(int *)arg;

	for (int i = 0; i < 10; i++) {
		pid_t pid = child();

		if (!pid) {
			for (int k = 0; k < 3; k++)
				ok(destroy(fd, new_ioas(fd)));
			_exit(0);
		}
		reap(pid);
		ok(destroy(fd, new_ioas(fd)));
	}
	return NULL;
}

static void *calls_or_forks(void *arg)
{
	static int turn;

	return __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) % 2 ? forks(arg) : calls(arg);
}

CASE(threads_fork, "children forked while other threads call can call, too")
{
	int fd = iommu_open(), fds[THREADS];

	for (int i = 0; i < THREADS; i++)
		fds[i] = fd;
	with_threads(calls_or_forks, fds);
}

static void *calls_forever(void *arg)
{
	for (;;) {
		ok(destroy(*(int *)arg, new_ioas(*(int *)arg)));
		pthread_testcancel();
	}
	return NULL;
}

static void *calls_forever_async(void *arg)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (;;) {
		struct iommu_destroy d = { .size = sizeof(d) };

		ioctl(*(int *)arg, IOMMU_DESTROY, &d);
	}
	return NULL;
}

CASE(cancel, "a thread that is cancelled within its calls leaves the others at work")
{
	int fd = iommu_open();
	unsigned int before;

	new_ioas(fd);
	before = count_fds(getpid());
	for (int i = 0; i < 20; i++) {
		pthread_t thread;
		void *result;

		equal(pthread_create(&thread, NULL, i % 2 ? calls_forever : calls_forever_async,
				     &fd),
		      0);
		msleep(2);
		ok(destroy(fd, new_ioas(fd)));
		equal(pthread_cancel(thread), 0);
		equal(pthread_join(thread, &result), 0);
		check(result == PTHREAD_CANCELED, "it ended by itself");
	}
	ok(destroy(fd, new_ioas(fd)));
	equal(count_fds(getpid()), before);
}

/* ---- signals ---- */

static int signal_fd;
static unsigned int signals_seen, children;

static void every_ms(void (*handler)(int sig), int us)
{
	struct sigaction action = { .sa_handler = handler };
	struct itimerval timer = { .it_interval.tv_usec = us, .it_value.tv_usec = us };

	ok(sigaction(SIGALRM, &action, NULL));
	ok(setitimer(ITIMER_REAL, &timer, NULL));
}

static void handler_calls(int sig)
{
	int was = errno;

	(void)sig;
	ok(destroy(signal_fd, new_ioas(signal_fd)));
	signals_seen++;
	errno = was;
}

CASE(signal_calls, "a signal handler calls while what it interrupted does")
{
	signal_fd = iommu_open();
	every_ms(handler_calls, 1000);
	for (int i = 0; i < 5; i++)
		calls(&signal_fd);
	while (signals_seen < 100)
		ok(destroy(signal_fd, new_ioas(signal_fd)));
}

/* Once, and then anew: a fork may take longer than any interval, and a call that is
 * interrupted before it has begun again never ends. */
static void rearm(void)
{
	struct itimerval timer = { .it_value.tv_usec = 1500 };

	ok(setitimer(ITIMER_REAL, &timer, NULL));
}

static void handler_forks(int sig)
{
	pid_t pid = fork();

	(void)sig;
	signals_seen++;
	if (pid > 0) {
		reap(pid);
		rearm();
	} else {
		children++;
	}
}

CASE(signal_forks,
     "a child that a handler forks goes on with the call that it interrupted, as its parent does")
{
	signal_fd = iommu_open();
	every_ms(handler_forks, 0);
	rearm();
	while (signals_seen < 60) {
		new_ioas(signal_fd); /* and not destroy(): both would */
		if (children)
			_exit(0);
	}
}

static sigjmp_buf back;

static void handler_jumps(int sig)
{
	(void)sig;
	signals_seen++;
	siglongjmp(back, 1);
}

CASE(signal_jumps, "a handler that jumps out leaves the next calls their own answers")
{
	unsigned int before;

	signal_fd = iommu_open();
	new_ioas(signal_fd);
	before = count_fds(getpid());
	every_ms(handler_jumps, 1000);
	sigsetjmp(back, 1);
	while (signals_seen < 100) {
		struct iommu_destroy d = { .size = sizeof(d), .id = 54321 };

		fails(ioctl(signal_fd, IOMMU_DESTROY, &d), ENOENT);
	}
	signal(SIGALRM, SIG_IGN);
	equal(count_fds(getpid()), before);
	equal(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, (int *)&before), 0);
	equal(before, PTHREAD_CANCEL_ENABLE);
}

static void handler_writes(int sig)
{
	(void)sig;
	signals_seen++;
	equal(write(signal_fd, "", 1), 1);
}

CASE(signal_writes,
     "a handler writes to a file while the thread is in a call, with failures set up")
{
	int fd = iommu_open();

	fail_nth(gettid());
	signal_fd = open("/dev/null", O_WRONLY);
	every_ms(handler_writes, 200);
	for (int i = 0; i < 5 || signals_seen < 100; i++)
		calls(&fd);
}

/* ---- a caller that dies in the middle ---- */

/* A page whose first touch waits for ever. */
static void *never_there(void)
{
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = { .api = UFFD_API };
	void *p = memory(PAGE);
	struct uffdio_register reg = { .range = { .start = (uintptr_t)p, .len = PAGE },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };

	if (uffd < 0)
		guest_skip("no userfaultfd");
	ok(ioctl(uffd, UFFDIO_API, &api));
	ok(ioctl(uffd, UFFDIO_REGISTER, &reg));
	return p;
}

static int unmap_page(int fd, uint32_t ioas)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd), .ioas_id = ioas, .iova = IOVA, .length = PAGE
	};

	return ioctl(fd, IOMMU_IOAS_UNMAP, &cmd);
}

static void dies_in_a_call(pid_t (*clone_it)(void))
{
	int fd = iommu_open(), p[2];
	uint32_t ioas = new_ioas(fd);
	pid_t pid, idle;

	new_device(fd, ioas); /* for whose page table memory is pinned */
	ok(pipe(p));
	pid = child();
	if (!pid) {
		void *page = never_there();

		new_ioas(fd);
		/* Its own child does nothing, and is there as long as the case. */
		idle = clone_it();
		if (!idle) {
			syscall(SYS_close, fd); /* by which the library learns nothing */
			for (;;)
				pause();
		}
		equal(write(p[1], &idle, sizeof(idle)), sizeof(idle));
		map_at(fd, ioas, page, PAGE, IOVA);
		_exit(1);
	}
	equal(read(p[0], &idle, sizeof(idle)), sizeof(idle));
	msleep(100);
	ok(kill(pid, SIGKILL));
	equal(waitpid(pid, NULL, 0), pid);
	/* What it was about to map goes when its death is noticed. */
	for (int i = 0; i < 200 && map_at(fd, ioas, memory(PAGE), PAGE, IOVA); i++) {
		equal(errno, EEXIST);
		msleep(10);
	}
	ok(unmap_page(fd, ioas));
	kill(idle, SIGKILL);
}

static pid_t raw_clone(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

CASE(killed_in_call, "who is killed within a call holds up nobody, though it has a child")
{
	dies_in_a_call(fork);
}

CASE(killed_in_call_raw, "nor if that came by the bare system call")
{
	dies_in_a_call(raw_clone);
}
