/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The first process of a guest, in user-mode Linux and in QEMU: sees to the file
 * systems, runs one program, leaves its status where the host finds it, and
 * powers off.
 *
 * The kernel's command line gives IODIRTY_SESSION, the session's folder, and
 * IODIRTY_FS, by what the host's files come. In the folder, the file "request"
 * has words that end in NUL, a keyword before each: ro, rw (a folder of the
 * host's to be seen at the same path), cwd, env, arg. The program's output goes
 * to the files that stdout and stderr name, its exit status to "status".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOST_NAME "iodirty-lab"
#define MAX_WORDS 4096
#define EXIT_CANNOT_RUN 126
#define EXIT_NOT_FOUND 127

static const char *session;
static const char *filesystem;
static const char *stream[2]; /* files of the session: one, if it is to keep the order */
static unsigned int n_shares; /* QEMU's are told apart by their order */

/* The end of the first process is a panic: the host sees the words, and that. */
static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	const char *why = strerror(errno);
	char what[PATH_MAX + 64], text[PATH_MAX + 128];
	va_list args;
	int fd;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	snprintf(text, sizeof(text), "iodirty: the guest cannot start: %s: %s\n", what, why);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL); /* it may not be there yet */
	fd = open("/dev/kmsg", O_WRONLY);
	if (write(fd, text, strlen(text)) < 0)
		exit(2);
	exit(1);
}

static void make_folders(const char *path)
{
	char part[PATH_MAX];

	if (strlen(path) >= sizeof(part)) {
		errno = ENAMETOOLONG;
		die("%s", path);
	}
	for (const char *end = path; (end = strchr(end + 1, '/'));) {
		memcpy(part, path, end - path);
		part[end - path] = '\0';
		mkdir(part, 0755);
	}
	if (mkdir(path, 0755) && errno != EEXIST && errno != EROFS)
		die("make %s", path);
}

static void mount_at(const char *path, const char *type, const char *data)
{
	if (mount(type, path, type, 0, data))
		die("mount %s at %s", type, path);
}

/* The host's folder @path, at the same path or at @where. */
static void share(const char *path, const char *where, unsigned long flags, const char *cache)
{
	char tag[32], data[64];

	snprintf(tag, sizeof(tag), "share%u", n_shares++);
	snprintf(data, sizeof(data), "trans=virtio,version=9p2000.L,msize=512000,cache=%s", cache);
	make_folders(where);
	if (!strcmp(filesystem, "9p") ? mount(tag, where, "9p", flags, data) :
					mount("none", where, "hostfs", flags, path))
		die("mount the host's %s", path);
}

/* user-mode Linux starts on the host's files; QEMU in an initrd with nothing else. */
static void enter_root(void)
{
	if (strcmp(filesystem, "9p"))
		return;
	share("/", "/host", MS_RDONLY, "loose");
	if (chdir("/host") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		die("make the host's files the root");
}

static void mount_own(void)
{
	static const char *const scratch[] = { "/tmp", "/run", "/dev/shm" };

	mount_at("/proc", "proc", NULL);
	mount_at("/sys", "sysfs", NULL);
	mount_at("/sys/kernel/debug", "debugfs", NULL);
	mount_at("/dev", "devtmpfs", NULL);
	make_folders("/dev/pts");
	mount_at("/dev/pts", "devpts", "ptmxmode=666");
	make_folders("/dev/shm");
	for (size_t i = 0; i < sizeof(scratch) / sizeof(scratch[0]); i++)
		mount_at(scratch[i], "tmpfs", "mode=1777");
	if (symlink("/proc/self/fd", "/dev/fd") || symlink("fd/0", "/dev/stdin") ||
	    symlink("fd/1", "/dev/stdout") || symlink("fd/2", "/dev/stderr"))
		die("make /dev/fd");
	/* By which results tell machines apart. */
	if (sethostname(HOST_NAME, strlen(HOST_NAME)))
		die("name the host");
}

static int session_file(const char *name, int flags)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", session, name);
	fd = open(path, flags | O_CLOEXEC, 0644);
	if (fd < 0)
		die("open %s", path);
	return fd;
}

static char *read_request(size_t *length)
{
	int fd = session_file("request", O_RDONLY);
	struct stat st;
	char *text;
	ssize_t n;

	if (fstat(fd, &st))
		die("size of the request");
	text = malloc(st.st_size + 1);
	if (!text)
		die("memory for the request");
	*length = 0;
	while ((n = read(fd, text + *length, st.st_size - *length)) > 0)
		*length += n;
	if (n < 0)
		die("read the request");
	text[*length] = '\0';
	close(fd);
	return text;
}

/* Do as the request says; what is left is the program's words. */
static void prepare(char *argv[MAX_WORDS])
{
	const char *cwd = "/";
	size_t length, n = 0;
	char *at = read_request(&length);
	char *end = at + length;

	clearenv();
	while (at < end) {
		const char *keyword = at;
		char *word = at + strlen(at) + 1;

		at = word + strlen(word) + 1;
		if (!strcmp(keyword, "ro"))
			share(word, word, MS_RDONLY, "loose");
		else if (!strcmp(keyword, "rw"))
			share(word, word, 0, "mmap");
		else if (!strcmp(keyword, "cwd"))
			cwd = word;
		else if (!strcmp(keyword, "stdout"))
			stream[0] = word;
		else if (!strcmp(keyword, "stderr"))
			stream[1] = word;
		else if (!strcmp(keyword, "env"))
			putenv(word);
		else if (n < MAX_WORDS - 1)
			argv[n++] = word;
	}
	argv[n] = NULL;
	if (chdir(cwd))
		die("enter %s", cwd);
}

/* The signal only has to interrupt ppoll(). */
static void child_ended(int number)
{
	(void)number;
}

static pid_t start(char *argv[], const int out[2], const int err[2], const sigset_t *mask)
{
	pid_t child = fork();
	int null;

	if (child)
		return child;
	setsid();
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	null = open("/dev/null", O_RDONLY);
	dup2(out[1], STDOUT_FILENO);
	dup2(err[1], STDERR_FILENO);
	dup2(null, STDIN_FILENO);
	close(null);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "lab: cannot run %s in the guest: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

/* What is there to be read: false when there will be no more. */
static bool relay(int from, int to)
{
	static char text[1 << 16];
	ssize_t n = read(from, text, sizeof(text));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	for (ssize_t done = 0, wrote; done < n; done += wrote) {
		wrote = write(to, text + done, n - done);
		if (wrote < 0)
			die("write the program's output");
	}
	/* The host is to see it now, and also if this kernel dies with the next call. */
	if (n)
		fdatasync(to);
	return n > 0;
}

/* Reaps whatever ends; true once @child is among it. */
static bool reap(pid_t child, int *status)
{
	bool found = false;
	int one;

	for (pid_t pid; (pid = waitpid(-1, &one, WNOHANG)) > 0;) {
		if (pid != child)
			continue;
		*status = WIFEXITED(one) ? WEXITSTATUS(one) : 128 + WTERMSIG(one);
		found = true;
	}
	return found;
}

/* Runs the program to its end: its exit status as a shell would have it. */
static int run(char *argv[])
{
	bool one = !strcmp(stream[0], stream[1]);
	int to[2] = { session_file(stream[0], O_WRONLY | O_APPEND),
		      session_file(stream[1], O_WRONLY | O_APPEND) };
	struct sigaction action = { .sa_handler = child_ended };
	static const struct timespec at_once;
	bool ended = false;
	int pipes[2][2];
	struct pollfd fds[2];
	sigset_t blocked, before;
	int status = EXIT_CANNOT_RUN;
	pid_t child;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	sigaction(SIGCHLD, &action, NULL);
	if (pipe2(pipes[0], O_CLOEXEC) || pipe2(pipes[1], O_CLOEXEC))
		die("make pipes");
	child = start(argv, pipes[0], pipes[one ? 0 : 1], &before);
	if (child < 0)
		die("fork");
	for (int i = 0; i < 2; i++) {
		close(pipes[i][1]);
		fds[i] = (struct pollfd){ .fd = pipes[i][0], .events = POLLIN };
	}
	/* Once it has ended: what is in the pipes still, whoever else holds them. */
	for (;;) {
		int ready = ppoll(fds, 2, ended ? &at_once : NULL, &before);

		for (int i = 0; ready > 0 && i < 2; i++)
			if (fds[i].revents && !relay(fds[i].fd, to[i]))
				fds[i].fd = -1;
		if (ended && !ready)
			return status;
		ended = ended || reap(child, &status);
	}
}

int main(void)
{
	static char *argv[MAX_WORDS];
	char text[16];
	int status;
	int fd;

	session = getenv("IODIRTY_SESSION");
	filesystem = getenv("IODIRTY_FS");
	if (!session || !filesystem) {
		errno = EINVAL;
		die("command line");
	}
	session = strdup(session); /* the environment is about to be the program's */
	filesystem = strdup(filesystem);
	enter_root();
	mount_own();
	share(session, session, 0, "mmap");
	prepare(argv);
	status = run(argv);

	kill(-1, SIGKILL);
	sync();
	fd = session_file("status", O_WRONLY | O_CREAT);
	if (write(fd, text, snprintf(text, sizeof(text), "%d\n", status)) < 0 || fsync(fd))
		die("write the status");
	reboot(RB_POWER_OFF);
	die("power off");
}
