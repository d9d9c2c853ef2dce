/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What nbdkit calls: parameters, and requests by any number of threads. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "disk.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

static struct disk disk = {
	.path = "/dev/iommu",
	.format = "amd-v1",
	.size = 64 << 20,
	.devices = 2,
	.rounds = 4,
	.fd = -1,
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

/* ---- parameters ---- */

static int bytes(const char *key, const char *value, uint64_t *out)
{
	int64_t n = nbdkit_parse_size(value);

	if (n < 0)
		return -1;
	if (!n) {
		nbdkit_error("%s=%s: it must be more than 0", key, value);
		return -1;
	}
	*out = (uint64_t)n;
	return 0;
}

static int number(const char *key, const char *value, unsigned int least, unsigned int most,
		  unsigned int *out)
{
	if (nbdkit_parse_unsigned(key, value, out))
		return -1;
	if (*out >= least && *out <= most)
		return 0;
	nbdkit_error("%s=%s: it must be from %u to %u", key, value, least, most);
	return -1;
}

static int set_format(const char *value)
{
	if (!*value || strlen(value) >= IODIRTY_NAME_LEN) {
		nbdkit_error("format=%s: there is no such format: `iodirty list formats` shows "
			     "them",
			     value);
		return -1;
	}
	disk.format = value;
	return 0;
}

static int set_file(const char *value)
{
	/* nbdkit goes to another folder when it is not in the foreground. */
	disk.status = nbdkit_absolute_path(value);
	return disk.status ? 0 : -1;
}

static int config(const char *key, const char *value)
{
	if (!strcmp(key, "size"))
		return bytes(key, value, &disk.size);
	if (!strcmp(key, "leaf"))
		return bytes(key, value, &disk.leaf);
	if (!strcmp(key, "link"))
		return bytes(key, value, &disk.link);
	if (!strcmp(key, "devices"))
		return number(key, value, 1, DISK_DEVICES, &disk.devices);
	if (!strcmp(key, "rounds"))
		return number(key, value, 1, DISK_ROUNDS, &disk.rounds);
	if (!strcmp(key, "migrate"))
		return number(key, value, 1, 3600 * 1000, &disk.migrate_ms);
	if (!strcmp(key, "format"))
		return set_format(value);
	if (!strcmp(key, "device")) {
		disk.path = value;
		return 0;
	}
	if (!strcmp(key, "status"))
		return set_file(value);
	nbdkit_error("unknown parameter '%s': `nbdkit --help` with this plugin shows them", key);
	return -1;
}

static int config_complete(void)
{
	if (disk.size % 4096) {
		nbdkit_error("size=%llu: it must be a multiple of 4096",
			     (unsigned long long)disk.size);
		return -1;
	}
	if (disk.leaf & (disk.leaf - 1)) {
		nbdkit_error("leaf=%llu: it must be a power of two", (unsigned long long)disk.leaf);
		return -1;
	}
	if (disk.status && !disk.migrate_ms) {
		nbdkit_error("status=%s: nothing is told there without migrate=MS", disk.status);
		return -1;
	}
	return 0;
}

#define CONFIG_HELP                                                                      \
	"size=SIZE       of the disk (default 64M)\n"                                    \
	"format=FORMAT   of the IOMMU's page tables (default amd-v1)\n"                  \
	"leaf=SIZE       of leaves that map it (default: the smallest of the format)\n"  \
	"devices=N       that take turns, each behind an IOMMU of its own (default 2)\n" \
	"migrate=MS      move it to another memory, again after so many milliseconds\n"  \
	"rounds=N        of copying before requests are held (default 4)\n"              \
	"link=BYTES      a second that are copied (default: as fast as it goes)\n"       \
	"status=FILE     append a line of JSON for each migration\n"                     \
	"device=PATH     /dev/iommu (default), below `iodirty run`; or /dev/iodirty"

/* ---- life ---- */

/* Here, since descriptors and threads would be those of the process that was forked. */
static int after_fork(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&disk.changed, &attr);
	pthread_condattr_destroy(&attr);
	if (disk.status) {
		disk.log = fopen(disk.status, "ae");
		if (!disk.log) {
			nbdkit_error("status=%s: %m", disk.status);
			return -1;
		}
	}
	if (disk_open(&disk) || space_map(&disk, &disk.space[0]) ||
	    space_attach(&disk, &disk.space[0], 0))
		return -1;
	return disk.migrate_ms ? mover_start(&disk) : 0;
}

static void cleanup(void)
{
	mover_stop(&disk);
}

static void unload(void)
{
	disk_close(&disk);
	if (disk.log)
		fclose(disk.log);
}

/* ---- requests ---- */

static void *open_disk(int readonly)
{
	(void)readonly;
	return NBDKIT_HANDLE_NOT_NEEDED;
}

static int64_t get_size(void *handle)
{
	(void)handle;
	return (int64_t)disk.size;
}

/* There is one memory for all, and no cache. */
static int can_multi_conn(void *handle)
{
	(void)handle;
	return 1;
}

static int request(enum iodirty_dma_op op, void *data, uint32_t count, uint64_t offset)
{
	static unsigned int turn;
	unsigned int device = __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) % disk.devices;
	int ret;

	if (!disk_enter(&disk)) {
		nbdkit_error("its last migration failed");
		errno = EIO;
		return -1;
	}
	ret = disk_dma(&disk, op, device, offset, data, count);
	disk_leave(&disk, op == IODIRTY_DMA_WRITE);
	return ret;
}

static int pread_disk(void *handle, void *data, uint32_t count, uint64_t offset, uint32_t flags)
{
	(void)handle, (void)flags;
	return request(IODIRTY_DMA_READ, data, count, offset);
}

static int pwrite_disk(void *handle, const void *data, uint32_t count, uint64_t offset,
		       uint32_t flags)
{
	(void)handle, (void)flags;
	return request(IODIRTY_DMA_WRITE, (void *)data, count, offset);
}

static struct nbdkit_plugin plugin = {
	.name = "iodirty",
	.longname = "memory behind an IOMMU that tracks what is written",
	.description = "A disk whose contents are a guest's memory: a write is a device's DMA.",
	.config = config,
	.config_complete = config_complete,
	.config_help = CONFIG_HELP,
	.after_fork = after_fork,
	.cleanup = cleanup,
	.unload = unload,
	.open = open_disk,
	.get_size = get_size,
	.can_multi_conn = can_multi_conn,
	.pread = pread_disk,
	.pwrite = pwrite_disk,
	.errno_is_preserved = 1,
};

/* nbdkit's header defines it, and declares it nowhere. */
struct nbdkit_plugin *plugin_init(void);

NBDKIT_REGISTER_PLUGIN(plugin)
