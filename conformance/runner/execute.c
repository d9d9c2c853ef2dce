/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Running the cases: worker processes take one case after the other from a
 * shared counter and run each by libcheck, in a process and a process group of
 * its own and under a timeout (case.c). This process only waits, shows progress
 * and tidies up, when it is told to stop or when a worker dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "journal.h"
#include "view.h"

/* What a worker is doing; written by it and by the process of its case. */
struct worker {
	pid_t pid; /* 0: none; the parent's own */
	_Atomic bool busy; /* it has taken a case */
	_Atomic size_t current; /* index of the last one */
	_Atomic pid_t group; /* process group of the case that runs, or 0 */
};

/* Shared by the parent and all workers. */
struct pool {
	_Atomic size_t next; /* index of the next case to take */
	struct worker workers[];
};

double monotonic_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

/* By these a user's environment would select tests, log, or not fork. */
static void forget_libcheck_environment(void)
{
	static const char *const names[] = {
		"CK_DEFAULT_TIMEOUT",	"CK_EXCLUDE_TAGS",	 "CK_INCLUDE_TAGS",
		"CK_LOG_FILE_NAME",	"CK_RUN_CASE",		 "CK_RUN_SUITE",
		"CK_TAP_LOG_FILE_NAME", "CK_TIMEOUT_MULTIPLIER", "CK_XML_LOG_FILE_NAME",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

static void __attribute__((noreturn))
worker_main(struct run *run, struct pool *pool, struct worker *me, pid_t parent)
{
	sigset_t none;
	size_t i;
	int fd;

	/* A group of its own: ^C goes to the parent, which decides. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	fd = open("/dev/null", O_RDONLY);
	dup2(fd, STDIN_FILENO);
	close(fd);
	forget_libcheck_environment();

	while ((i = atomic_fetch_add(&pool->next, 1)) < run->n_cases) {
		if (case_ended(&run->cases[i]))
			continue;
		me->current = i;
		me->busy = true;
		journal_start(run, i);
		case_run(run, i, &me->group);
		journal_end(run, i);
		me->group = 0;
	}
	_exit(EXIT_SUCCESS);
}

static void worker_start(struct run *run, struct pool *pool, struct worker *w)
{
	pid_t parent = getpid();
	pid_t pid;

	w->busy = false;
	w->group = 0;
	pid = fork();
	if (!pid)
		worker_main(run, pool, w, parent);
	w->pid = pid < 0 ? 0 : pid;
}

/* End whatever the worker's case has left running. */
static void kill_case(struct worker *w)
{
	pid_t group = w->group;

	if (group > 0)
		kill(-group, SIGKILL);
}

/* A worker that died took its case with it; the others are for a new one. */
static void worker_died(struct run *run, struct pool *pool, struct worker *w, int status)
{
	char how[64];

	kill_case(w);
	if (!w->busy)
		return; /* it could not even start, nor would another */
	if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(how, sizeof(how), "exit code %d", WEXITSTATUS(status));
	if (case_died(run, &run->cases[w->current], how))
		journal_end(run, w->current);
	worker_start(run, pool, w);
}

static void reap(struct run *run, struct pool *pool)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned int i = 0; i < run->jobs; i++) {
			struct worker *w = &pool->workers[i];

			if (w->pid != pid)
				continue;
			w->pid = 0;
			if (!WIFEXITED(status) || WEXITSTATUS(status))
				worker_died(run, pool, w, status);
			break;
		}
	}
}

static bool any_worker(const struct run *run, const struct pool *pool)
{
	for (unsigned int i = 0; i < run->jobs; i++)
		if (pool->workers[i].pid)
			return true;
	return false;
}

/* The worker first, or it would take the next case. */
static void stop_workers(struct run *run, struct pool *pool)
{
	for (unsigned int i = 0; i < run->jobs; i++) {
		struct worker *w = &pool->workers[i];

		if (!w->pid)
			continue;
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
		w->pid = 0;
		kill_case(w);
	}
}

/* Every record gets a verdict. */
static void settle(struct run *run)
{
	for (size_t i = 0; i < run->n_cases; i++) {
		struct run_case *rc = &run->cases[i];

		if (case_ended(rc))
			continue;
		if (run->complete)
			case_died(run, rc, "it could not be started");
		else
			case_interrupted(run, rc);
	}
}

void execute_run(struct run *run)
{
	const struct timespec tick = { .tv_nsec = 100 * 1000 * 1000 };
	size_t size = sizeof(struct pool) + run->jobs * sizeof(struct worker);
	double start = monotonic_seconds();
	sigset_t awaited, old;
	struct pool *pool;
	int signal;

	pool = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pool == MAP_FAILED)
		abort();
	if (!run->started)
		run->started = time(NULL);
	run->complete = true;

	sigemptyset(&awaited);
	sigaddset(&awaited, SIGCHLD);
	sigaddset(&awaited, SIGHUP);
	sigaddset(&awaited, SIGINT);
	sigaddset(&awaited, SIGTERM);
	sigprocmask(SIG_BLOCK, &awaited, &old);
	fflush(NULL); /* or each process would write what is in the buffers */
	for (unsigned int i = 0; i < run->jobs; i++)
		worker_start(run, pool, &pool->workers[i]);

	while (run->complete && any_worker(run, pool)) {
		signal = sigtimedwait(&awaited, NULL, &tick);
		if (signal > 0 && signal != SIGCHLD)
			run->complete = false;
		reap(run, pool);
		console_progress(run);
	}
	stop_workers(run, pool);
	sigprocmask(SIG_SETMASK, &old, NULL);
	settle(run);
	journal_done(run);
	run->seconds = monotonic_seconds() - start;
	console_progress_end(run);
	munmap(pool, size);
}
