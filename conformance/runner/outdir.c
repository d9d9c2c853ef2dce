/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "outdir.h"

#define MARKER ".iodirty"

static bool complain(const struct outdir *o, const char *what, const char *name)
{
	fprintf(stderr, "iodirty: cannot %s %s/%s: %s\n", what, o->path, name, strerror(errno));
	return false;
}

static void temporary_name(const char *name, char out[64])
{
	snprintf(out, 64, ".%s.new", name);
}

static bool exists(const struct outdir *o, const char *name)
{
	return !faccessat(o->fd, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

static FILE *open_marker(const struct outdir *o)
{
	int fd = openat(o->fd, MARKER, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? NULL : fdopen(fd, "r");
}

static bool marker_lists(const struct outdir *o, const char *name)
{
	FILE *marker = open_marker(o);
	bool listed = false;
	char line[256];

	while (marker && !listed && fgets(line, sizeof(line), marker)) {
		line[strcspn(line, "\n")] = '\0';
		listed = !strcmp(line, name);
	}
	if (marker)
		fclose(marker);
	return listed;
}

static bool write_marker(struct outdir *o, const char *const *names)
{
	FILE *marker = outdir_create(o, MARKER);

	if (!marker)
		return false;
	for (; *names; names++)
		fprintf(marker, "%s\n", *names);
	return outdir_commit(o, marker, MARKER);
}

static int take_over(struct outdir *o, bool force, const char *const *names)
{
	if (!force) {
		fprintf(stderr, "iodirty: %s exists already; --force replaces results in it\n",
			o->path);
		return EXIT_CODE_USAGE;
	}
	for (size_t i = 0; names[i]; i++) {
		if (exists(o, names[i]) && !marker_lists(o, names[i])) {
			fprintf(stderr, "iodirty: %s/%s was not written by iodirty: not replaced\n",
				o->path, names[i]);
			return EXIT_CODE_USAGE;
		}
	}
	/* Old results must not be taken for those of a run that then dies. */
	for (size_t i = 0; names[i]; i++) {
		if (unlinkat(o->fd, names[i], 0) && errno != ENOENT) {
			complain(o, "remove", names[i]);
			return EXIT_CODE_FAILED;
		}
	}
	return EXIT_CODE_PASSED;
}

int outdir_open(struct outdir *o, const char *path, bool force, const char *const *names)
{
	bool made = !mkdir(path, 0777);
	int exit_code;

	*o = (struct outdir){ .path = path, .fd = -1 };
	if (made || errno == EEXIST)
		o->fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (o->fd < 0) {
		fprintf(stderr, "iodirty: cannot make directory %s: %s\n", path, strerror(errno));
		return EXIT_CODE_USAGE;
	}
	exit_code = made ? EXIT_CODE_PASSED : take_over(o, force, names);
	if (!exit_code && !write_marker(o, names))
		exit_code = EXIT_CODE_FAILED;
	if (exit_code)
		outdir_close(o);
	return exit_code;
}

FILE *outdir_create(struct outdir *o, const char *name)
{
	char temporary[64];
	FILE *file;
	int fd;

	temporary_name(name, temporary);
	unlinkat(o->fd, temporary, 0); /* of a run that died */
	fd = openat(o->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		complain(o, "create", name);
	return file;
}

bool outdir_commit(struct outdir *o, FILE *file, const char *name)
{
	char temporary[64];
	bool good;

	temporary_name(name, temporary);
	errno = 0;
	good = !fflush(file) && !ferror(file) && !fsync(fileno(file));
	if (!good && !errno)
		errno = EIO; /* an earlier write failed; which error, is forgotten */
	if (!good)
		complain(o, "write", name);
	if (fclose(file) && good)
		good = complain(o, "write", name);
	if (good && renameat(o->fd, temporary, o->fd, name))
		good = complain(o, "rename", name);
	if (!good)
		unlinkat(o->fd, temporary, 0);
	return good;
}

void outdir_close(struct outdir *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
}
