/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE /* renameat2 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "outfile.h"

/* What is not to be left behind by who is interrupted. */
static char unfinished[PATH_MAX];

static void interrupted(int number)
{
	unlink(unfinished);
	raise(number); /* SA_RESETHAND: to the end */
}

static void clean_up_if_interrupted(void)
{
	const struct sigaction action = { .sa_handler = interrupted, .sa_flags = SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static int complain(const struct outfile *o, const char *what)
{
	fprintf(stderr, "iodirty: %s cannot be %s: %s\n", o->path, what, strerror(errno));
	return EXIT_CODE_FAILED;
}

/* "DIR/NAME" becomes "DIR/.NAME.PID.new". */
static bool name_temporary(struct outfile *o)
{
	const char *slash = strrchr(o->path, '/');
	int folder = slash ? slash + 1 - o->path : 0;

	return snprintf(o->temporary, sizeof(o->temporary), "%.*s.%s.%ld.new", folder, o->path,
			o->path + folder, (long)getpid()) < (int)sizeof(o->temporary);
}

int outfile_open(struct outfile *o, const char *path, bool force)
{
	struct stat st;
	bool exists;
	int fd;

	*o = (struct outfile){ .force = force };
	/* Of a link, what it leads to is replaced. */
	if (!realpath(path, o->path) &&
	    snprintf(o->path, sizeof(o->path), "%s", path) >= (int)sizeof(o->path)) {
		errno = ENAMETOOLONG;
		return complain(o, "made");
	}
	exists = !stat(o->path, &st);
	if (exists && S_ISDIR(st.st_mode)) {
		fprintf(stderr, "iodirty: %s is a directory: name a file in it\n", path);
		return EXIT_CODE_USAGE;
	}
	if (exists && S_ISREG(st.st_mode) && !force) {
		fprintf(stderr, "iodirty: %s exists already; --force replaces it\n", path);
		return EXIT_CODE_USAGE;
	}
	if (exists && !S_ISREG(st.st_mode)) {
		fd = open(o->path, O_WRONLY | O_CLOEXEC);
	} else if (name_temporary(o)) {
		unlink(o->temporary); /* of another process, which is dead */
		memcpy(unfinished, o->temporary, sizeof(unfinished));
		clean_up_if_interrupted();
		fd = open(o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	} else {
		errno = ENAMETOOLONG;
		fd = -1;
	}
	o->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!o->file)
		return complain(o, "made");
	return EXIT_CODE_PASSED;
}

void outfile_abandon(struct outfile *o)
{
	if (o->file)
		fclose(o->file);
	if (o->temporary[0])
		unlink(o->temporary);
}

/* What came into being meanwhile is nobody's to replace; some file systems cannot say so. */
static int put_in_place(const struct outfile *o)
{
	int ret = renameat2(AT_FDCWD, o->temporary, AT_FDCWD, o->path,
			    o->force ? 0 : RENAME_NOREPLACE);

	if (ret && (errno == EINVAL || errno == ENOSYS))
		ret = rename(o->temporary, o->path);
	return ret;
}

int outfile_commit(struct outfile *o)
{
	/* Of an earlier write that failed, errno tells still why: nothing came after it. */
	bool good = !ferror(o->file) && !fflush(o->file) &&
		    (!o->temporary[0] || !fsync(fileno(o->file)));

	if (!good)
		complain(o, "written");
	if (fclose(o->file) && good) {
		complain(o, "written");
		good = false;
	}
	o->file = NULL;
	if (good && o->temporary[0] && put_in_place(o)) {
		complain(o, "put in its place");
		good = false;
	}
	if (!good)
		outfile_abandon(o);
	return good ? EXIT_CODE_PASSED : EXIT_CODE_FAILED;
}
