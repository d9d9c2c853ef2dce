/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A network card that receives, and answers: an Intel 82599 as Linux's ixgbe drives it.
 *
 * Each queue has two rings of descriptors in memory. Of the receive ring the card reads
 * descriptors some at a time, writes each frame to the buffer that the next one names, and
 * writes descriptors back. Of the transmit ring it reads a descriptor and the frame, and
 * writes the descriptor back. Two buffers share a page. Pages go round: a socket that is
 * done with one returns it to its queue's pool. Some it keeps, and a new one of the
 * allocator takes their place, which is what makes more and more memory dirty.
 *
 * Layout: receive rings, transmit rings; an eighth of memory that is sent from, and only
 * read; the heap that pages for receiving come from.
 */
#include "devices.h"
#include "workload_kinds.h"

/* Linux has a pair of queues for each processor, which are four here; the 82599 has up to 128
 * (Linux 6.12, ixgbe_82599.c, IXGBE_82599_MAX_RX_QUEUES and IXGBE_82599_MAX_TX_QUEUES). */
#define QUEUES 4
/* Advanced descriptors are of 16 bytes (82599 datasheet, 7.1.6 and 7.2.3). */
#define DESCRIPTOR 16
/* IXGBE_DEFAULT_RXD and IXGBE_DEFAULT_TXD (Linux 6.12, ixgbe.h). */
#define RING 512
/* Descriptors the driver hands over at once, IXGBE_RX_BUFFER_WRITE (ixgbe.h). Ours: the card then
 * reads these, at once. */
#define FETCH 16
/* The most that are written back at once. Ours: as Linux has it for the 82598, two cache lines
 * (ixgbe_main.c, ixgbe_configure_rx_ring); for the 82599 it sets no threshold. */
#define WRITE_BACK 8
/* An interrupt writes back all there are: 20,000 a second, IXGBE_20K_ITR (ixgbe.h), where Linux
 * begins. Ours: it stays there; Linux adapts it. */
#define INTERRUPTS 20000
/* IXGBE_RXBUFFER_2K (ixgbe.h). Room in front of the frame: ours, a cache line, as NET_SKB_PAD
 * (skbuff.h); ixgbe's own follows from the sizes of structures of the kernel. */
#define BUFFER 2048
#define HEADROOM 64
/* The check sequence, which the card takes away (82599 datasheet, register HLREG0, RXCRCSTRP). */
#define FCS 4
/* Pages that a queue has going round. 256 are in the ring; ours: as many are on their way. */
#define PAGES 512
/* Of the allocator so many pages at a time, as drivers with a page_pool have it (Linux 6.12,
 * page_pool/types.h, PP_ALLOC_CACHE_REFILL). Ours: ixgbe has it (it has no page_pool), and they
 * are neighbours. */
#define BLOCK 64
/* Ours: one page in 16 stays with its socket, and there is an answer to every second frame. */
#define KEPT 16
#define ANSWER 2

/*
 * Sizes of frames with their check sequence, one after the other: an exact repeating sequence,
 * as RFC 6985 wants a mix to be told. Twelve are the simple IMIX: 7 of 64, 4 of 594, 1 of 1518
 * bytes, which is no standard, but what traffic generators such as Ostinato send by that name.
 * Ours: between them as many of the largest, which bulk transfers are made of.
 */
static const uint16_t sizes[] = {
	1518, 64,   1518, 594, 1518, 64, 1518, 64,  1518, 594, 1518, 64,
	1518, 1518, 1518, 64,  1518, 64, 1518, 594, 1518, 64,  1518, 594,
};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))
/* A gigabit a second: these take 23,038 bytes of the wire with preamble and gap, 20 each. */
#define FRAMES (SIZES * 125000000 / 23038)

struct queue {
	uint64_t received, sent;
	uint64_t page[PAGES]; /* of the heap */
};

struct nic {
	struct device d;
	uint64_t tx_memory, tx_length, heap;
	uint64_t blocks, stride, block, left; /* of the allocator */
	unsigned int group; /* descriptors that are written back together */
	struct queue queue[QUEUES];
};

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Blocks come from all over the heap, none a second time before all have. */
static uint64_t allocate(struct nic *n)
{
	if (!n->left) {
		n->block = (n->block + n->stride) % n->blocks;
		n->left = BLOCK;
	}
	return n->block * BLOCK + BLOCK - n->left--;
}

/* As many as come between two interrupts, a power of two, so that a group does not wrap. */
static unsigned int write_back_group(uint64_t rate)
{
	unsigned int group = 1;

	while (group < WRITE_BACK && rate / QUEUES / INTERRUPTS >= 2 * group)
		group *= 2;
	return group;
}

static void nic_begin(struct device *d)
{
	struct nic *n = (struct nic *)d;
	uint64_t rings = 2 * QUEUES * RING * DESCRIPTOR;

	n->tx_memory = d->iova + rings;
	n->tx_length = d->length / 8 / DEVICE_PAGE * DEVICE_PAGE;
	n->heap = n->tx_memory + n->tx_length;
	n->blocks = (d->length - rings - n->tx_length) / (BLOCK * DEVICE_PAGE);
	n->block = device_random(d, n->blocks);
	n->stride = 1 + device_random(d, n->blocks);
	while (common_divisor(n->stride, n->blocks) != 1)
		n->stride++;
	n->group = write_back_group(d->rate);
	for (unsigned int q = 0; q < QUEUES; q++)
		for (unsigned int i = 0; i < PAGES; i++)
			n->queue[q].page[i] = allocate(n);
}

static void receive(struct nic *n, unsigned int queue, uint64_t ns, uint64_t length)
{
	struct queue *q = &n->queue[queue];
	uint64_t ring = n->d.iova + queue * RING * DESCRIPTOR;
	uint64_t slot = q->received % RING, half = q->received % 2;
	uint64_t *page = &q->page[q->received / 2 % PAGES];

	if (slot % FETCH == 0)
		device_access(&n->d, ns, ring + slot * DESCRIPTOR, FETCH * DESCRIPTOR, false);
	device_access(&n->d, ns, n->heap + *page * DEVICE_PAGE + half * BUFFER + HEADROOM, length,
		      true);
	q->received++;
	if (q->received % n->group == 0)
		device_access(&n->d, ns, ring + (slot + 1 - n->group) * DESCRIPTOR,
			      n->group * DESCRIPTOR, true);
	if (half && !device_random(&n->d, KEPT))
		*page = allocate(n);
}

/* Ours: a descriptor is written back by itself; Linux lets the card gather them (ixgbe_main.c,
 * TXDCTL.WTHRESH). */
static void transmit(struct nic *n, unsigned int queue, uint64_t ns, uint64_t length)
{
	struct queue *q = &n->queue[queue];
	uint64_t ring = n->d.iova + (QUEUES + queue) * RING * DESCRIPTOR;
	uint64_t descriptor = ring + q->sent++ % RING * DESCRIPTOR;
	uint64_t buffer = device_random(&n->d, n->tx_length / BUFFER) * BUFFER;

	device_access(&n->d, ns, descriptor, DESCRIPTOR, false);
	device_access(&n->d, ns, n->tx_memory + buffer, length, false);
	device_access(&n->d, ns, descriptor, DESCRIPTOR, true);
}

/* A frame: which queue it comes to is its flow's hash. */
static void nic_more(struct device *d)
{
	struct nic *n = (struct nic *)d;
	uint64_t ns = d->due, frame = d->events;
	unsigned int queue = device_random(d, QUEUES);

	device_event(d);
	receive(n, queue, ns, sizes[frame % SIZES] - FCS);
	if (frame % ANSWER == ANSWER - 1)
		transmit(n, queue, ns, sizes[frame / ANSWER % SIZES] - FCS);
}

static const struct device_model model = {
	.origin =
		"a network card: 4 pairs of rings of 512 descriptors, buffers of 2 KiB that are "
		"recycled, a gigabit of IMIX and full frames (82599 datasheet, Linux's ixgbe, RFC "
		"6985; workloads/device_nic.c)",
	.size = sizeof(struct nic),
	.memory = 16 << 20,
	.rate = FRAMES,
	.begin = nic_begin,
	.more = nic_more,
};

static struct workload *nic_open(const struct workload_options *o, char error[WORKLOAD_ERROR])
{
	return devices_open("nic", &model, o, error);
}

const struct workload_kind workload_nic = {
	.name = "nic",
	.summary = "a network card: rings, recycled buffers, a gigabit of IMIX and full frames",
	.devices = 1,
	.memory = 16 << 20,
	.open = nic_open,
};
