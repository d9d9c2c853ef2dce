/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* PCI devices as sysfs shows them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "vfio.h"

#define DEVICES "/sys/bus/pci/devices"

/* The number that an attribute holds, in C's notation; -1: there is none. */
static long attribute(const char *address, const char *name)
{
	char path[128], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), DEVICES "/%s/%s", address, name);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return text[0] ? strtol(text, NULL, 0) : -1;
}

/* The last part of what a link of the device names; "" if there is none. */
static void linked(const char *address, const char *name, char *out, size_t size)
{
	char path[128], to[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), DEVICES "/%s/%s", address, name);
	n = readlink(path, to, sizeof(to) - 1);
	to[n < 0 ? 0 : n] = '\0';
	snprintf(out, size, "%s", n < 0 ? "" : basename(to));
}

int pci_id(const char *address, struct pci_id *id)
{
	long vendor = attribute(address, "vendor");
	long device = attribute(address, "device");
	long class = attribute(address, "class");

	if (vendor < 0 || device < 0 || class < 0)
		return -ENODEV;
	*id = (struct pci_id){ .vendor = vendor, .device = device, .class = class };
	return 0;
}

int pci_group(const char *address)
{
	char group[32];

	linked(address, "iommu_group", group, sizeof(group));
	return group[0] ? atoi(group) : -ENOENT;
}

void pci_driver(const char *address, char *name, size_t size)
{
	linked(address, "driver", name, size);
}

int pci_cdev(const char *address, char *path, size_t size)
{
	char dir_path[128];
	const struct dirent *entry;
	int ret = -ENOENT;
	DIR *dir;

	snprintf(dir_path, sizeof(dir_path), DEVICES "/%s/vfio-dev", address);
	dir = opendir(dir_path);
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, size, "/dev/vfio/devices/%s", entry->d_name);
		ret = 0;
	}
	if (dir)
		closedir(dir);
	return ret;
}

static int is_address(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

void pci_candidates(bool (*usable)(const struct pci_id *), char *text, size_t size)
{
	struct dirent **list;
	int n = scandir(DEVICES, &list, is_address, alphasort);
	size_t used = 0;

	text[0] = '\0';
	for (int i = 0; i < n; i++) {
		const char *address = list[i]->d_name;
		char driver[64];
		struct pci_id id;

		if (used < size && !pci_id(address, &id) && usable(&id)) {
			pci_driver(address, driver, sizeof(driver));
			used += snprintf(text + used, size - used, "%s%s (%s)", used ? ", " : "",
					 address, driver[0] ? driver : "no driver");
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

int pci_lock(const char *address)
{
	char path[128];
	int fd, err;

	snprintf(path, sizeof(path), DEVICES "/%s/config", address);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX)) {
		err = errno;
		if (err == EINTR)
			continue;
		close(fd);
		return -err;
	}
	return fd;
}
