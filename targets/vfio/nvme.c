/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An NVMe drive as a DMA engine (NVM Express Base 1.4, figures cited): its store is
 * one page of namespace 1, STORE bytes from the drive's start. Reading the drive
 * writes to memory, writing to the drive fetches from it. One queue pair, one
 * command at a time; the controller is enabled only while DMA runs.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "dma.h"

#define CLASS 0x010802 /* mass storage, non-volatile, NVM Express */

/* Controller registers, figure 68. */
#define REG_CAP 0x00
#define REG_INTMS 0x0c /* mask interrupts */
#define REG_CC 0x14
#define REG_CSTS 0x1c
#define REG_AQA 0x24
#define REG_ASQ 0x28
#define REG_ACQ 0x30
#define REG_DOORBELLS 0x1000

#define CAP_STRIDE(cap) ((cap) >> 32 & 0xf)
#define CAP_MPSMIN(cap) ((cap) >> 48 & 0xf)
#define CC_ENABLE (1u << 0)
#define CC_ENTRY_SIZES (6u << 16 | 4u << 20) /* 64 and 16 bytes */
#define CSTS_READY (1u << 0)
#define CSTS_FATAL (1u << 1)

enum opcode {
	ADMIN_CREATE_SQ = 0x01,
	ADMIN_CREATE_CQ = 0x05,
	ADMIN_IDENTIFY = 0x06,
	NVM_WRITE = 0x01, /* memory to drive */
	NVM_READ = 0x02,
};

#define DEPTH 8u /* entries of each queue */
#define STORE (1ull << 20) /* of the drive, in bytes */
#define BLANK_END (128ull << 10) /* of the drive's end, that must be empty */

/* Pages of the room. Queue q: submission at 1 + 2q, completion after it. */
#define SQ_PAGE(q) (1 + 2 * (q))
#define CQ_PAGE(q) (2 + 2 * (q))

struct command {
	uint32_t opcode; /* and the command's identifier */
	uint32_t nsid;
	uint32_t unused[4];
	uint64_t prp1, prp2;
	uint32_t dw10, dw11, dw12, unused2[3];
};

struct completion {
	uint32_t result, unused, queue, status; /* status: phase in bit 16, code above */
};

/* dma.state: of each queue, how many commands it has taken; log2 of a block. */
enum state {
	ADMIN,
	IO,
	BLOCK_LG2,
};

static bool nvme_probe(const struct pci_id *id)
{
	return id->class == CLASS;
}

static uint64_t page_iova(unsigned int page)
{
	return DMA_ROOM_IOVA + page * DMA_PAGE;
}

static void doorbell(struct dma *d, unsigned int queue, bool completion, uint32_t value)
{
	size_t stride = 4u << CAP_STRIDE(device_read64(d->dev, REG_CAP));

	device_write32(d->dev, REG_DOORBELLS + (2 * queue + completion) * stride, value);
}

static void submit(struct dma *d, enum state queue, const struct command *c)
{
	struct command *sq = (void *)(d->room + SQ_PAGE(queue) * DMA_PAGE);
	uint32_t n = d->state[queue]++;

	sq[n % DEPTH] = *c;
	doorbell(d, queue, false, (n + 1) % DEPTH);
}

/* Of the command submitted last. The phase bit turns with each round of the queue. */
static int complete(struct dma *d, enum state queue)
{
	volatile struct completion *cq = (void *)(d->room + CQ_PAGE(queue) * DMA_PAGE);
	uint32_t n = d->state[queue] - 1;
	uint32_t phase = !(n / DEPTH % 2);
	uint64_t end = dma_clock_ms() + DMA_TIMEOUT_MS;
	uint32_t status;

	while (((status = le32toh(cq[n % DEPTH].status)) >> 16 & 1) != phase) {
		if (dma_clock_ms() > end || device_read32(d->dev, REG_CSTS) & CSTS_FATAL)
			return -ETIMEDOUT;
		dma_rest();
	}
	__sync_synchronize(); /* what it wrote before is looked at after */
	doorbell(d, queue, true, (n + 1) % DEPTH);
	return status >> 17 ? -EFAULT : 0;
}

static int admin(struct dma *d, const struct command *c)
{
	submit(d, ADMIN, c);
	return complete(d, ADMIN) ? -EIO : 0;
}

static int enable(struct dma *d, bool on)
{
	uint64_t end = dma_clock_ms() + DMA_TIMEOUT_MS;

	device_write32(d->dev, REG_CC, on ? CC_ENABLE | CC_ENTRY_SIZES : 0);
	while ((device_read32(d->dev, REG_CSTS) & CSTS_READY) != on) {
		if (dma_clock_ms() > end)
			return -ETIMEDOUT;
		dma_rest();
	}
	return 0;
}

static int nvme_start(struct dma *d)
{
	const struct command cq = {
		.opcode = htole32(ADMIN_CREATE_CQ),
		.prp1 = htole64(page_iova(CQ_PAGE(IO))),
		.dw10 = htole32((DEPTH - 1) << 16 | IO),
		.dw11 = htole32(1), /* contiguous, no interrupts */
	};
	const struct command sq = {
		.opcode = htole32(ADMIN_CREATE_SQ),
		.prp1 = htole64(page_iova(SQ_PAGE(IO))),
		.dw10 = htole32((DEPTH - 1) << 16 | IO),
		.dw11 = htole32(IO << 16 | 1),
	};
	int ret = enable(d, false);

	if (ret)
		return ret;
	memset(d->room, 0, DMA_ROOM_SIZE);
	d->state[ADMIN] = d->state[IO] = 0;
	device_write32(d->dev, REG_INTMS, ~0u);
	device_write32(d->dev, REG_AQA, (DEPTH - 1) << 16 | (DEPTH - 1));
	device_write64(d->dev, REG_ASQ, page_iova(SQ_PAGE(ADMIN)));
	device_write64(d->dev, REG_ACQ, page_iova(CQ_PAGE(ADMIN)));
	ret = enable(d, true);
	if (!ret)
		ret = admin(d, &cq);
	return ret ? ret : admin(d, &sq);
}

/* @offset on the drive, @length: in bytes, whole blocks. */
static int drive_io(struct dma *d, enum opcode op, uint64_t offset, uint64_t iova, uint32_t length)
{
	uint64_t block = offset >> d->state[BLOCK_LG2];
	const struct command c = {
		.opcode = htole32(op),
		.nsid = htole32(1),
		.prp1 = htole64(iova),
		.dw10 = htole32(block),
		.dw11 = htole32(block >> 32),
		.dw12 = htole32((length >> d->state[BLOCK_LG2]) - 1),
	};

	submit(d, IO, &c);
	return 0;
}

static int nvme_move(struct dma *d, enum dma_way way, uint64_t iova, uint32_t length)
{
	return drive_io(d, way == DMA_FETCH ? NVM_WRITE : NVM_READ, d->store, iova, length);
}

static int nvme_wait(struct dma *d)
{
	return complete(d, IO);
}

static void nvme_remove(struct dma *d)
{
	enable(d, false);
}

/* Size in bytes; blocks to state. Figures 245, 247: identify namespace, LBA format. */
static int identify(struct dma *d, uint64_t *size, struct why *why)
{
	const struct command c = {
		.opcode = htole32(ADMIN_IDENTIFY),
		.nsid = htole32(1),
		.prp1 = htole64(DMA_ROOM_IOVA),
	};
	uint32_t lg2;
	uint64_t blocks;

	if (admin(d, &c))
		return refuse(why, -EIO, "nvme: there is no namespace 1");
	memcpy(&blocks, d->room, sizeof(blocks));
	lg2 = d->room[128 + 4 * (d->room[26] & 0xf) + 2];
	if (lg2 < 9 || lg2 > 12)
		return refuse(why, -EIO, "nvme: blocks of 2^%u bytes; 512 to 4096 is used here",
			      lg2);
	d->state[BLOCK_LG2] = lg2;
	*size = le64toh(blocks) << lg2;
	if (*size < 2 * STORE)
		return refuse(why, -ENOSPC, "nvme: a drive of %llu bytes; 2 MiB are needed",
			      (unsigned long long)*size);
	return 0;
}

/* Partition tables, filesystems and members of arrays are found in these places. */
static int check_blank(struct dma *d, uint64_t from, uint64_t to, struct why *why)
{
	for (uint64_t at = from; at < to; at += DMA_PAGE) {
		drive_io(d, NVM_READ, at, DMA_ROOM_IOVA, DMA_PAGE);
		if (complete(d, IO))
			return refuse(why, -EIO, "nvme: the drive cannot be read at byte %llu",
				      (unsigned long long)at);
		for (uint32_t i = 0; i < DMA_PAGE; i++)
			if (d->room[i])
				return refuse(
					why, -EEXIST,
					"nvme: something is on the drive at byte %llu, and a "
					"page 1 MiB from its start would be overwritten: take "
					"an empty drive, or add ,scratch if it may be lost",
					(unsigned long long)at + i);
	}
	return 0;
}

static int nvme_init(struct dma *d, bool scratch, struct why *why)
{
	uint64_t size = 0, end;
	int ret;

	if (d->dev->bar_size < 2 * REG_DOORBELLS || CAP_MPSMIN(device_read64(d->dev, REG_CAP)))
		return refuse(why, -ENODEV, "nvme: the controller knows no pages of 4 KiB");
	ret = nvme_start(d);
	if (ret)
		return refuse(why, ret, "nvme: the controller does not start: %s", strerror(-ret));
	ret = identify(d, &size, why);
	if (ret)
		return ret;
	d->unit = 1u << d->state[BLOCK_LG2];
	d->max = DMA_PAGE;
	d->last = UINT64_MAX;
	d->store = STORE;
	if (scratch)
		return 0;
	end = size & ~(DMA_PAGE - 1);
	ret = check_blank(d, 0, STORE, why);
	return ret ? ret : check_blank(d, end - BLANK_END, end, why);
}

const struct dma_driver dma_nvme = {
	.name = "nvme",
	.probe = nvme_probe,
	.init = nvme_init,
	.start = nvme_start,
	.move = nvme_move,
	.wait = nvme_wait,
	.remove = nvme_remove,
};
