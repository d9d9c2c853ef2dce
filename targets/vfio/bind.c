/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A device goes to vfio-pci and back. Who asked for it is a process: those that it
 * forks find the device where it is, and whoever is killed leaves it there.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio.h"

#define BUS "/sys/bus/pci"

/* What to undo at exit. One device a process: a target has one. */
static struct {
	pid_t pid; /* 0: nothing */
	char address[PCI_ADDRESS_LEN];
	char driver[64]; /* that had it; "": none */
} bound;

static int put(const char *value, const char *fmt, const char *name)
{
	char path[128];
	int fd, ret = 0;

	snprintf(path, sizeof(path), fmt, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int unbind(const char *address)
{
	return put(address, BUS "/devices/%s/driver/unbind", address);
}

static void give_back(void)
{
	char driver[64];

	if (bound.pid != getpid())
		return;
	pci_driver(bound.address, driver, sizeof(driver));
	if (!strcmp(driver, "vfio-pci"))
		unbind(bound.address);
	put("\n", BUS "/devices/%s/driver_override", bound.address);
	if (bound.driver[0] && put(bound.address, BUS "/drivers/%s/bind", bound.driver))
		fprintf(stderr, "iodirty: %s could not be given back to driver %s\n", bound.address,
			bound.driver);
	bound.pid = 0;
}

/* Is a drive of this device, or a part of it, mounted or otherwise held? */
static bool drive_in_use(const char *address, char *name, size_t size)
{
	char pattern[128];
	bool busy = false;
	glob_t found;

	snprintf(pattern, sizeof(pattern), BUS "/devices/%s/nvme/nvme*/nvme*n*", address);
	if (glob(pattern, 0, NULL, &found))
		return false;
	for (size_t i = 0; i < found.gl_pathc && !busy; i++) {
		unsigned int drive, space;
		int fd;

		/* A path of a drive that has several, nvme0c1n1, belongs to nvme0n1. */
		if (sscanf(basename(found.gl_pathv[i]), "nvme%u%*[c0-9]n%u", &drive, &space) != 2 &&
		    sscanf(basename(found.gl_pathv[i]), "nvme%un%u", &drive, &space) != 2)
			continue;
		snprintf(name, size, "/dev/nvme%un%u", drive, space);
		fd = open(name, O_RDONLY | O_EXCL | O_CLOEXEC);
		busy = fd < 0 && errno == EBUSY;
		if (fd >= 0)
			close(fd);
	}
	globfree(&found);
	return busy;
}

int pci_bind_vfio(const char *address, struct why *why)
{
	char driver[sizeof(bound.driver)], drive[64];
	int ret;

	pci_driver(address, driver, sizeof(driver));
	if (!strcmp(driver, "vfio-pci"))
		return 0;
	if (access(BUS "/drivers/vfio-pci", F_OK))
		return refuse(why, -ENOENT,
			      "this kernel has no driver vfio-pci: modprobe vfio-pci");
	if (drive_in_use(address, drive, sizeof(drive)))
		return refuse(why, -EBUSY,
			      "%s, which %s offers, is in use by this system: unmount it", drive,
			      address);
	ret = driver[0] ? unbind(address) : 0;
	if (ret)
		return refuse(why, ret, "%s cannot be taken from driver %s: %s", address, driver,
			      strerror(-ret));
	bound.pid = getpid();
	strcpy(bound.address, address);
	strcpy(bound.driver, driver);
	atexit(give_back);
	ret = put("vfio-pci", BUS "/devices/%s/driver_override", address);
	if (!ret)
		ret = put(address, BUS "/%s", "drivers_probe");
	pci_driver(address, driver, sizeof(driver));
	if (!ret && strcmp(driver, "vfio-pci"))
		ret = -ENXIO;
	if (ret) {
		give_back();
		return refuse(why, ret, "vfio-pci does not take %s: %s", address, strerror(-ret));
	}
	return 0;
}
