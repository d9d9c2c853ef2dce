/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node.h"
#include "run.h"
#include "server.h"
#include "wire.h"

#define POLL_US 20000
#define POLLS_QUIET 10

static int complain(const char *what, const char *path, int err)
{
	fprintf(stderr, "iodirty: run: %s %s: %s\n", what, path, strerror(err));
	return -err;
}

/* ---- a folder: the socket, and what stands for debugfs ---- */

struct folder {
	char root[PATH_MAX / 2], socket[PATH_MAX], debugfs[PATH_MAX];
};

/* What a program that injects failures finds and writes: folders end in '/'. */
static const char *const debugfs_names[] = {
	"",
	"failslab/",
	"failslab/ignore-gfp-wait",
	"failslab/verbose",
	"fail_page_alloc/",
	"fail_page_alloc/ignore-gfp-wait",
	"fail_page_alloc/ignore-gfp-highmem",
	"fail_page_alloc/verbose",
};
#define DEBUGFS_NAMES (sizeof(debugfs_names) / sizeof(debugfs_names[0]))

static void debugfs_path(const struct folder *f, size_t i, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.2048s/debugfs/%s", f->root, debugfs_names[i]);
}

static bool is_folder(const char *path)
{
	return path[strlen(path) - 1] == '/';
}

static int folder_make(struct folder *f)
{
	const char *tmp = getenv("TMPDIR");
	char path[PATH_MAX];

	/* The program may go to another folder. */
	if (!realpath(tmp && *tmp ? tmp : "/tmp", path))
		return complain("TMPDIR", tmp, errno);
	if (snprintf(f->root, sizeof(f->root), "%s/iodirty-XXXXXX", path) >= (int)sizeof(f->root)) {
		f->root[0] = '\0';
		return complain("TMPDIR", tmp, ENAMETOOLONG);
	}
	if (!mkdtemp(f->root)) {
		f->root[0] = '\0';
		return complain("cannot make a folder in", path, errno);
	}
	snprintf(f->socket, sizeof(f->socket), "%s/socket", f->root);
	snprintf(f->debugfs, sizeof(f->debugfs), "%s/debugfs/", f->root);
	for (size_t i = 0; i < DEBUGFS_NAMES; i++) {
		int fd;

		debugfs_path(f, i, path);
		if (is_folder(path)) {
			if (mkdir(path, 0700))
				return complain("cannot make", path, errno);
			continue;
		}
		fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		if (fd < 0)
			return complain("cannot make", path, errno);
		close(fd);
	}
	return 0;
}

static void folder_remove(const struct folder *f)
{
	if (!f->root[0])
		return;
	for (size_t i = DEBUGFS_NAMES; i--;) {
		char path[PATH_MAX];

		debugfs_path(f, i, path);
		if (is_folder(path))
			rmdir(path);
		else
			unlink(path);
	}
	unlink(f->socket);
	rmdir(f->root);
}

/* ---- the program ---- */

static int set_preload(const char *library)
{
	const char *was = getenv("LD_PRELOAD"), *runtime = "";
	char *value;
	int err;

	/* The dynamic linker takes these for the end of the name, and goes on without. */
	if (strpbrk(library, " :"))
		return -EINVAL;
#ifdef __SANITIZE_ADDRESS__
	/* An instrumented library wants its runtime to be first. */
	extern void __asan_init(void);
	Dl_info info;

	if (dladdr((void *)__asan_init, &info))
		runtime = info.dli_fname;
	/* What the program itself leaks is none of our business. */
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
#endif
	if (asprintf(&value, "%s%s%s%s%s", runtime, *runtime ? " " : "", library, was ? " " : "",
		     was ? was : "") < 0)
		return -ENOMEM;
	err = setenv("LD_PRELOAD", value, 1) ? -errno : 0;
	free(value);
	return err;
}

/* For the handler: 0 when it has ended. */
static volatile pid_t program;
static volatile sig_atomic_t told_to_end;
static bool heeds_int;

static void forward(int sig)
{
	if (program > 0)
		kill(program, sig);
	else
		told_to_end = sig;
}

/* A terminal's go to the program as well; what comes to us alone is passed on. */
static const struct {
	int sig;
	void (*handler)(int sig);
} signals[] = {
	{ SIGINT, SIG_IGN },
	{ SIGQUIT, SIG_IGN },
	{ SIGTERM, forward },
	{ SIGHUP, forward },
	/* Ignored, nobody would be waited for. */
	{ SIGCHLD, SIG_DFL },
};
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static pid_t start(const struct run_on_reference *run)
{
	struct sigaction was[SIGNALS], action = { .sa_flags = SA_RESTART };
	sigset_t all, mask;
	pid_t pid;

	/* None is lost before there is somebody to pass it to. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	for (size_t i = 0; i < SIGNALS; i++) {
		action.sa_handler = signals[i].handler;
		sigaction(signals[i].sig, &action, &was[i]);
		if (signals[i].handler != SIG_DFL && was[i].sa_handler == SIG_IGN)
			signal(signals[i].sig, SIG_IGN); /* as by nohup */
	}
	heeds_int = was[0].sa_handler != SIG_IGN;
	pid = fork();
	if (!pid) {
		for (size_t i = 0; i < SIGNALS; i++)
			sigaction(signals[i].sig, &was[i], NULL);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		execv(run->program, run->argv);
		complain("cannot run", run->program, errno);
		_exit(EXIT_FAILURE);
	}
	program = pid;
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return pid;
}

/* A descriptor, and more, for each thread and each open of a program: as many as we may. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Reap what ends, ours by adoption too, until the program has. */
static int wait_program(void)
{
	int status;
	pid_t pid;

	do
		pid = waitpid(-1, &status, 0);
	while (pid != program);
	program = 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A process that it left behind may have the reference open; a signal ends the wait. */
static void wait_others(void)
{
	unsigned int polls = 0;

	if (heeds_int)
		signal(SIGINT, forward);
	while (server_open_count() && !told_to_end) {
		/* What was killed with the program takes a moment to be gone. */
		if (polls++ == POLLS_QUIET)
			fputs("iodirty: run: the program has ended, but another process has the "
			      "reference open: waiting for it\n",
			      stderr);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		usleep(POLL_US);
	}
}

static int serve_program(const struct run_on_reference *run, const struct folder *f)
{
	char pid[16];
	int err, status;

	node_defaults(run->format, run->split);
	err = server_start(f->socket);

	if (err == -ENAMETOOLONG)
		fputs("iodirty: run: set TMPDIR to a folder with a shorter path\n", stderr);
	if (err)
		return complain("cannot serve at", f->socket, -err);
	/* Whoever is orphaned stays below us, where we may look into its memory. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setenv(WIRE_ENV, f->socket, 1);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv(WIRE_PID_ENV, pid, 1);
	setenv(WIRE_DEBUGFS_ENV, f->debugfs, 1);
	err = set_preload(run->library);
	if (err == -EINVAL)
		fprintf(stderr,
			"iodirty: run: no library can be preloaded from a path with ' ' or ':' "
			"in it: move iodirty\n");
	if (err)
		return complain("cannot preload", run->library, -err);
	if (start(run) < 0)
		return complain("cannot start", run->program, errno);
	raise_limit();
	status = wait_program();
	wait_others();
	return told_to_end ? 128 + told_to_end : status;
}

int run_plug(const struct iodirty_vfio_plug *plug)
{
	return node_plug(plug);
}

int run_record(struct iodirty_record *r)
{
	return node_record(r);
}

int run_on_reference(const struct run_on_reference *run)
{
	struct folder f = { .root = "" };
	int ret = folder_make(&f);

	if (!ret)
		ret = serve_program(run, &f);
	folder_remove(&f);
	return ret;
}
