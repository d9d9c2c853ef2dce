/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cpu_writes FORMAT PAGES: memory of a file that a device may write, tracked, while others
 * write to that file by the processor. Prints the file's path, then answers each line of its
 * input with a line:
 *	report		pages reported since the last time, and pages that are not zero
 *	read		the device reads all of it
 *	write PAGE	the device writes one byte of that page
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/iodirty.h"
#include "abi/iommufd.h"

#define PAGE 4096ULL
#define IOVA (1ULL << 32)
#define PAGES_MAX 65536

static int fd;
static char *memory;
static uint32_t device, table;
static uint64_t pages;

static void do_ioctl(const char *what, unsigned long cmd, void *arg)
{
	if (ioctl(fd, cmd, arg)) {
		perror(what);
		exit(1);
	}
}

static void map_file(void)
{
	int file = memfd_create("cpu_writes", 0);

	if (file < 0 || ftruncate(file, pages * PAGE)) {
		perror("memfd");
		exit(1);
	}
	memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (memory == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	printf("/proc/%d/fd/%d\n", getpid(), file);
}

static void track(const char *format)
{
	struct iodirty_plug plug = { .size = sizeof(plug) };
	struct iommu_ioas_alloc space = { .size = sizeof(space) };
	struct iommu_hwpt_alloc hwpt = { .size = sizeof(hwpt),
					 .flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING };
	struct iodirty_attach attach = { .size = sizeof(attach) };
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_FIXED_IOVA,
		.user_va = (uintptr_t)memory,
		.length = pages * PAGE,
		.iova = IOVA,
	};
	/* A leaf a page: what is reported is no more than what was written. */
	struct iommu_option small = { .size = sizeof(small),
				      .option_id = IOMMU_OPTION_HUGE_PAGES,
				      .op = IOMMU_OPTION_OP_SET };
	struct iommu_hwpt_set_dirty_tracking on = { .size = sizeof(on),
						    .flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE };

	fd = open("/dev/iommu", O_RDWR);
	if (fd < 0) {
		perror("/dev/iommu");
		exit(1);
	}
	snprintf(plug.format, sizeof(plug.format), "%s", format);
	do_ioctl("device", IODIRTY_PLUG, &plug);
	do_ioctl("address space", IOMMU_IOAS_ALLOC, &space);
	hwpt.dev_id = attach.dev_id = device = plug.out_dev_id;
	hwpt.pt_id = map.ioas_id = small.object_id = space.out_ioas_id;
	do_ioctl("small leaves", IOMMU_OPTION, &small);
	do_ioctl("page table that tracks", IOMMU_HWPT_ALLOC, &hwpt);
	attach.pt_id = on.hwpt_id = table = hwpt.out_hwpt_id;
	do_ioctl("attach", IODIRTY_ATTACH, &attach);
	do_ioctl("map", IOMMU_IOAS_MAP, &map);
	do_ioctl("tracking on", IOMMU_HWPT_SET_DIRTY_TRACKING, &on);
}

static void report(void)
{
	static const char zero[PAGE];
	static uint64_t bitmap[PAGES_MAX / 64];
	struct iommu_hwpt_get_dirty_bitmap get = {
		.size = sizeof(get),
		.hwpt_id = table,
		.iova = IOVA,
		.length = pages * PAGE,
		.page_size = PAGE,
		.data = (uintptr_t)bitmap,
	};
	uint64_t reported = 0, changed = 0;

	memset(bitmap, 0, sizeof(bitmap));
	do_ioctl("report", IOMMU_HWPT_GET_DIRTY_BITMAP, &get);
	for (uint64_t i = 0; i < pages; i++) {
		reported += bitmap[i / 64] >> i % 64 & 1;
		changed += memcmp(memory + i * PAGE, zero, PAGE) != 0;
	}
	printf("%lu %lu\n", (unsigned long)reported, (unsigned long)changed);
}

static void dma(uint32_t op, uint64_t page, void *data, uint64_t length)
{
	struct iodirty_dma cmd = {
		.size = sizeof(cmd),
		.op = op,
		.dev_id = device,
		.iova = IOVA + page * PAGE,
		.length = length,
		.data = (uintptr_t)data,
	};

	do_ioctl("DMA", IODIRTY_DMA, &cmd);
	printf("%lu\n", (unsigned long)cmd.out_done);
}

int main(int argc, char **argv)
{
	char line[64], byte = 1, *all;
	unsigned long page;

	pages = argc == 3 ? strtoul(argv[2], NULL, 0) : 0;
	if (!pages || pages > PAGES_MAX)
		return fprintf(stderr, "usage: cpu_writes FORMAT PAGES\n"), 2;
	all = malloc(pages * PAGE);
	if (!all)
		return perror("memory"), 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	map_file();
	track(argv[1]);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "report\n"))
			report();
		else if (!strcmp(line, "read\n"))
			dma(IODIRTY_DMA_READ, 0, all, pages * PAGE);
		else if (sscanf(line, "write %lu", &page) == 1 && page < pages)
			dma(IODIRTY_DMA_WRITE, page, &byte, 1);
		else
			return fprintf(stderr, "what is %s", line), 2;
	}
	free(all);
	return 0;
}
