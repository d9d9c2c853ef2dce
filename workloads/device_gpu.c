/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A GPU that computes in steps: it reads its commands and its input, and writes the results,
 * contiguous, as fast as the bus goes; then a fence and an entry of the interrupt ring; then
 * it is silent until the next step. The same results' buffers are written again and again,
 * some of them more often.
 *
 * Layout: the page of fences, the interrupt ring, the ring of commands, all of amdgpu; a
 * quarter of memory that is input, and only read; buffers of results.
 */
#include "devices.h"
#include "workload_kinds.h"

/* A fence of 64 bits (Linux 6.12, amdgpu/sdma_v5_2.c, sdma_v5_2_ring_emit_fence). */
#define FENCE 8
/* The interrupt ring, IH_RING_SIZE (amdgpu_ih.h), and an entry of it (amdgpu_ih.c, iv_size). */
#define IH_RING (256 << 10)
#define IH_ENTRY 32
/* Ours: of a ring of commands 256 bytes are read for a step. */
#define COMMANDS (16 << 10)
#define COMMAND 256
/* What is written, or read, at once: ours, a copy engine's piece may be larger (4 MiB is
 * copy_max_bytes in sdma_v5_2.c). */
#define PIECE (64 << 10)
/* Ours: results of a step, and half as much input; less if memory is small. */
#define RESULT (16 << 20)
/* Ours: three steps in four write one of the first buffers. */
#define HOT 4
/* 16 lanes of 16 GT/s, 128 bits of 130: bytes a microsecond (PCI Express Base Specification 4.0,
 * 4.2.2). Ours: headers of packets are not counted. */
#define BUS 31507

enum phase { COMMANDS_READ, INPUT, RESULTS, DONE };

struct gpu {
	struct device d;
	uint64_t ih, commands, input, input_length, results;
	uint64_t size, buffers, turn; /* bytes of a result, how many fit, which cold one is next */
	uint64_t ns; /* the device's clock */
	enum phase phase;
	uint64_t source, target, moved; /* of this step */
};

static void gpu_begin(struct device *d)
{
	struct gpu *g = (struct gpu *)d;
	uint64_t eighth = d->length / 8 / PIECE * PIECE;

	g->ih = d->iova + DEVICE_PAGE;
	g->commands = g->ih + IH_RING;
	g->input = g->commands + COMMANDS;
	g->size = eighth < RESULT ? eighth : RESULT;
	g->input_length = 2 * eighth;
	g->results = g->input + g->input_length;
	g->buffers = (d->iova + d->length - g->results) / g->size;
}

static uint64_t choose_buffer(struct gpu *g)
{
	if (device_random(&g->d, 4))
		return device_random(&g->d, g->buffers < HOT ? g->buffers : HOT);
	return g->turn++ % g->buffers;
}

static void read_commands(struct gpu *g)
{
	struct device *d = &g->d;
	uint64_t size = g->size / 2 / PIECE * PIECE;

	g->ns = d->due > g->ns ? d->due : g->ns;
	g->source = g->input + device_random(d, (g->input_length - size) / PIECE + 1) * PIECE;
	g->target = g->results + choose_buffer(g) * g->size;
	g->moved = 0;
	device_access(d, g->ns, g->commands + d->events * COMMAND % COMMANDS, COMMAND, false);
	g->phase = INPUT;
}

/* True when all of it is done. */
static bool move_piece(struct gpu *g, uint64_t iova, uint64_t size, bool write)
{
	device_access(&g->d, g->ns, iova + g->moved, PIECE, write);
	g->ns += PIECE * 1000 / BUS;
	g->moved += PIECE;
	if (g->moved < size)
		return false;
	g->moved = 0;
	return true;
}

static void gpu_more(struct device *d)
{
	struct gpu *g = (struct gpu *)d;

	switch (g->phase) {
	case COMMANDS_READ:
		read_commands(g);
		break;
	case INPUT:
		if (move_piece(g, g->source, g->size / 2 / PIECE * PIECE, false))
			g->phase = RESULTS;
		break;
	case RESULTS:
		if (move_piece(g, g->target, g->size, true))
			g->phase = DONE;
		break;
	case DONE:
		device_access(d, g->ns, d->iova, FENCE, true);
		device_access(d, g->ns, g->ih + d->events * IH_ENTRY % IH_RING, IH_ENTRY, true);
		device_event(d);
		g->phase = COMMANDS_READ;
		break;
	}
}

static const struct device_model model = {
	.origin =
		"a GPU: 20 steps a second, each of which writes 16 MiB in one burst at the rate of "
		"PCI Express 4.0 x16, a fence and an interrupt entry (PCI Express base "
		"specification, Linux's amdgpu; workloads/device_gpu.c)",
	.size = sizeof(struct gpu),
	.memory = 16 << 20,
	.rate = 20, /* ours */
	.begin = gpu_begin,
	.more = gpu_more,
};

static struct workload *gpu_open(const struct workload_options *o, char error[WORKLOAD_ERROR])
{
	return devices_open("gpu", &model, o, error);
}

const struct workload_kind workload_gpu = {
	.name = "gpu",
	.summary = "a GPU: bursts of 16 MiB at the bus's rate, 20 a second, and silence between",
	.devices = 1,
	.memory = 16 << 20,
	.open = gpu_open,
};
