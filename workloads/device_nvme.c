/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An NVMe controller, as Linux drives it. It reads a command of a submission queue, for more
 * than two pages a list of them, reads or writes the data, and writes a completion. A storage
 * read is what writes memory; a storage write reads it. Reads bring data into pages that have
 * been idle longest, as a cache of the disk does; writes are of any page there.
 *
 * Layout: submission queues, completion queues, lists of pages; all else is data.
 */
#include "devices.h"
#include "workload_kinds.h"

#define QUEUES 4 /* Linux has a pair for each processor, which are four here */
/* io_queue_depth (Linux 6.12, drivers/nvme/host/pci.c). */
#define DEPTH 1024
/* An entry of a submission queue and of a completion queue (NVM Express Base Specification 2.0,
 * 3.3.3.1 and 3.3.3.2). */
#define SQE 64
#define CQE 16
/* An entry of a PRP list (the same, 4.1.1), and the pool that Linux takes a list from, enough for
 * 128 KiB ("prp list 256", pci.c). The first page is in the command, and the second if that is
 * the last. */
#define PRP 8
#define PRP_LIST 256
/* A read ahead: VM_READAHEAD_PAGES (Linux 6.12, pagemap.h). Ours: one command in 16 is such. */
#define READ_AHEAD (128 << 10)
#define AHEAD 16
/* Per cent of the other commands that read (JEDEC JESD219, 2010, enterprise workload). */
#define READS 40

/* Of so many of these in a hundred the data is so large (JESD219, the same). */
static const struct {
	uint32_t percent, bytes;
} sizes[] = {
	{ 4, 512 },  { 1, 1024 },  { 1, 1536 },	 { 1, 2048 },  { 1, 2560 },  { 1, 3072 },
	{ 1, 3584 }, { 67, 4096 }, { 10, 8192 }, { 7, 16384 }, { 3, 32768 }, { 3, 65536 },
};

struct nvme {
	struct device d;
	uint64_t cq, lists, data, data_pages;
	uint64_t oldest; /* page of the data that a read takes next */
	uint64_t commands[QUEUES];
};

static void nvme_begin(struct device *d)
{
	struct nvme *n = (struct nvme *)d;

	n->cq = d->iova + QUEUES * DEPTH * SQE;
	n->lists = n->cq + QUEUES * DEPTH * CQE;
	n->data = n->lists + QUEUES * DEPTH * PRP_LIST;
	n->data_pages = (d->iova + d->length - n->data) / DEVICE_PAGE;
	n->oldest = device_random(d, n->data_pages);
}

static uint64_t choose_size(struct device *d)
{
	uint64_t percent = device_random(d, 100);
	unsigned int i = 0;

	while (percent >= sizes[i].percent)
		percent -= sizes[i++].percent;
	return sizes[i].bytes;
}

/* Neighbouring pages, @pages of them. */
static uint64_t choose_buffer(struct nvme *n, bool storage_read, uint64_t pages)
{
	uint64_t page;

	if (!storage_read)
		return n->data + device_random(&n->d, n->data_pages - pages + 1) * DEVICE_PAGE;
	page = n->oldest + pages > n->data_pages ? 0 : n->oldest;
	n->oldest = page + pages;
	return n->data + page * DEVICE_PAGE;
}

static void nvme_more(struct device *d)
{
	struct nvme *n = (struct nvme *)d;
	uint64_t ns = d->due;
	unsigned int queue = device_random(d, QUEUES);
	uint64_t slot = queue * DEPTH + n->commands[queue]++ % DEPTH;
	bool ahead = !device_random(d, AHEAD), read = ahead || device_random(d, 100) < READS;
	uint64_t left = ahead ? READ_AHEAD : choose_size(d);
	uint64_t pages = (left + DEVICE_PAGE - 1) / DEVICE_PAGE;
	uint64_t at = choose_buffer(n, read, pages);

	device_event(d);
	device_access(d, ns, d->iova + slot * SQE, SQE, false);
	if (pages > 2)
		device_access(d, ns, n->lists + slot * PRP_LIST, (pages - 1) * PRP, false);
	while (left) {
		uint64_t now = left < DEVICE_PAGE ? left : DEVICE_PAGE;

		device_access(d, ns, at, now, read);
		at += now;
		left -= now;
	}
	device_access(d, ns, n->cq + slot * CQE, CQE, true);
}

static const struct device_model model = {
	.origin = "an NVMe controller: 4 pairs of queues of 1024 entries, PRP lists, 512 bytes to "
		  "128 KiB a command, 44 % of them storage reads, which write memory (NVMe base "
		  "specification, JESD219, Linux's nvme; workloads/device_nvme.c)",
	.size = sizeof(struct nvme),
	.memory = 4 << 20,
	.rate = 20000, /* ours: a quarter of a gigabyte a second */
	.begin = nvme_begin,
	.more = nvme_more,
};

static struct workload *nvme_open(const struct workload_options *o, char error[WORKLOAD_ERROR])
{
	return devices_open("nvme", &model, o, error);
}

const struct workload_kind workload_nvme = {
	.name = "nvme",
	.summary = "an NVMe controller: queues, PRP lists, 20,000 commands a second",
	.devices = 1,
	.memory = 4 << 20,
	.open = nvme_open,
};
