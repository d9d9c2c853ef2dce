/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "program.h"

#define SCRIPTS_MAX 5 /* a script's interpreter may be a script: as deep as Linux goes */

struct reason {
	char *text;
	size_t size;
};

static bool no(struct reason *why, const char *fmt, const char *path, const char *what)
{
	snprintf(why->text, why->size, fmt, path, what);
	return false;
}

static bool runnable(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

static bool find_in_path(const char *name, char path[PATH_MAX])
{
	const char *dirs = getenv("PATH");

	for (const char *at = dirs ? dirs : "/usr/bin:/bin", *end; at; at = *end ? end + 1 : NULL) {
		int n;

		end = strchrnul(at, ':');
		n = (int)(end - at);
		if (snprintf(path, PATH_MAX, "%.*s/%s", n ? n : 1, n ? at : ".", name) < PATH_MAX &&
		    runnable(path))
			return true;
	}
	return false;
}

static bool find(const char *name, char path[PATH_MAX], struct reason *why)
{
	if (!strchr(name, '/'))
		return find_in_path(name, path) ||
		       no(why, "%s: no such program in PATH%s", name, "");
	if (strlen(name) >= PATH_MAX)
		return no(why, "%.20s...: %s", name, strerror(ENAMETOOLONG));
	memcpy(path, name, strlen(name) + 1);
	if (access(path, F_OK))
		return no(why, "%s: %s", path, strerror(errno));
	return runnable(path) || no(why, "%s: not a program that may be run%s", path, "");
}

/* The dynamic linker drops LD_PRELOAD where a program gains rights by being run. */
static bool gains_rights(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return false;
	return (st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
	       (st.st_mode & S_ISGID && st.st_gid != getegid()) ||
	       (geteuid() && fgetxattr(fd, "security.capability", NULL, 0) > 0);
}

/* "" when the program names no dynamic linker: it is static. */
static bool read_linker(int fd, const Elf64_Ehdr *head, char linker[PATH_MAX])
{
	Elf64_Phdr ph;

	linker[0] = '\0';
	for (unsigned int i = 0; i < head->e_phnum; i++) {
		off_t at = (off_t)(head->e_phoff + (uint64_t)i * head->e_phentsize);

		if (pread(fd, &ph, sizeof(ph), at) != sizeof(ph))
			return false;
		if (ph.p_type != PT_INTERP)
			continue;
		if (!ph.p_filesz || ph.p_filesz > PATH_MAX ||
		    pread(fd, linker, ph.p_filesz, (off_t)ph.p_offset) != (ssize_t)ph.p_filesz)
			return false;
		linker[ph.p_filesz - 1] = '\0';
		return true;
	}
	return true;
}

static bool check_elf(int fd, const char *path, const Elf64_Ehdr *head, struct reason *why)
{
	char linker[PATH_MAX];
	const char *name;

	if (head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_machine != EM_X86_64)
		return no(why, "%s: not a program for 64-bit x86, which the reference is%s", path,
			  "");
	if (!read_linker(fd, head, linker))
		return no(why, "%s: its ELF headers make no sense%s", path, "");
	if (!linker[0])
		return no(why,
			  "%s: statically linked, so its calls cannot be intercepted: link it "
			  "dynamically%s",
			  path, "");
	name = strrchr(linker, '/');
	if (strcmp(name ? name + 1 : linker, "ld-linux-x86-64.so.2"))
		return no(why, "%s: linked with another C library than glibc (%s)", path, linker);
	if (gains_rights(fd))
		return no(why,
			  "%s: gains rights when run (set-user-id, set-group-id or capabilities), "
			  "so its calls cannot be intercepted: run a copy without that%s",
			  path, "");
	return true;
}

/* "#!interpreter argument" */
static bool script_interpreter(char *line, char interpreter[PATH_MAX])
{
	char *save, *word;

	line[strcspn(line, "\n")] = '\0';
	word = strtok_r(line + 2, " \t", &save);
	if (!word || strlen(word) >= PATH_MAX)
		return false;
	memcpy(interpreter, word, strlen(word) + 1);
	return true;
}

static bool check_file(const char *path, int depth, struct reason *why)
{
	union {
		Elf64_Ehdr elf;
		char text[257];
	} head = { .text = "" };
	char interpreter[PATH_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return no(why, "%s: %s", path, strerror(errno));
	if (pread(fd, &head, sizeof(head) - 1, 0) < 4)
		ok = no(why, "%s: too short for a program%s", path, "");
	else if (!memcmp(head.elf.e_ident, ELFMAG, SELFMAG))
		ok = check_elf(fd, path, &head.elf, why);
	else if (strncmp(head.text, "#!", 2))
		ok = no(why, "%s: neither an ELF program nor a script%s", path, "");
	else if (depth == SCRIPTS_MAX || !script_interpreter(head.text, interpreter))
		ok = no(why, "%s: its interpreter cannot be run%s", path, "");
	else
		ok = check_file(interpreter, depth + 1, why);
	close(fd);
	return ok;
}

bool program_check(const char *name, char path[PATH_MAX], char *why, size_t why_size)
{
	struct reason reason = { .text = why, .size = why_size };

	return find(name, path, &reason) && check_file(path, 0, &reason);
}
