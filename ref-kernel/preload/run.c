/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pgtable.h"
#include "run.h"
#include "server.h"
#include "wire.h"

#define POLL_US 20000

const char *run_format(unsigned int index)
{
	return pgt_formats[index] ? pgt_formats[index]->name : NULL;
}

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

	snprintf(f->root, sizeof(f->root), "%s/iodirty-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(f->root))
		return complain("cannot make", f->root, errno);
	snprintf(f->socket, sizeof(f->socket), "%s/socket", f->root);
	snprintf(f->debugfs, sizeof(f->debugfs), "%s/debugfs/", f->root);
	for (size_t i = 0; i < DEBUGFS_NAMES; i++) {
		char path[PATH_MAX];
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

static volatile pid_t program; /* for the handler */

static void forward(int sig)
{
	if (program > 0)
		kill(program, sig);
}

/* A terminal's go to the program as well; what comes to us alone is passed on. An
 * ignored SIGCHLD would take the program's status with it. */
static const struct {
	int sig;
	void (*handler)(int sig);
} signals[] = {
	{ SIGINT, SIG_IGN }, { SIGQUIT, SIG_IGN }, { SIGTERM, forward },
	{ SIGHUP, forward }, { SIGCHLD, SIG_DFL },
};
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static pid_t start(const struct run_on_reference *run)
{
	struct sigaction was[SIGNALS], action = { .sa_flags = SA_RESTART };
	pid_t pid;

	for (size_t i = 0; i < SIGNALS; i++) {
		action.sa_handler = signals[i].handler;
		sigaction(signals[i].sig, &action, &was[i]);
	}
	pid = fork();
	if (pid)
		return pid;
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i].sig, &was[i], NULL);
	execv(run->program, run->argv);
	complain("cannot run", run->program, errno);
	_exit(127);
}

/* Reap what ends, ours by adoption too, until the program has. */
static int wait_program(void)
{
	int status;
	pid_t pid;

	do
		pid = wait(&status);
	while (pid != program);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A process that it left behind may have the reference open. */
static void wait_others(void)
{
	bool told = false;

	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	while (server_open_count()) {
		if (!told)
			fputs("iodirty: run: the program has ended, but another process has the "
			      "reference open: waiting for it\n",
			      stderr);
		told = true;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		usleep(POLL_US);
	}
}

static int serve_program(const struct run_on_reference *run, const struct folder *f)
{
	int err = server_start(f->socket, run->format), status;

	if (err)
		return complain("cannot serve at", f->socket, -err);
	/* Whoever is orphaned stays below us, where we may look into its memory. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setenv(WIRE_ENV, f->socket, 1);
	setenv(WIRE_DEBUGFS_ENV, f->debugfs, 1);
	err = set_preload(run->library);
	if (err)
		return complain("cannot preload", run->library, -err);
	program = start(run);
	if (program < 0)
		return complain("cannot start", run->program, errno);
	status = wait_program();
	wait_others();
	return status;
}

int run_on_reference(const struct run_on_reference *run)
{
	struct folder f;
	int ret = folder_make(&f);

	if (!ret)
		ret = serve_program(run, &f);
	folder_remove(&f);
	return ret;
}
