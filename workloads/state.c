/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "state.h"
#include "vfio_client.h"

#define PIECE 997 /* bytes: of no alignment */
#define PATIENCE 2000 /* times a millisecond for a write of a device that goes on */

static int set_state(struct machine *m, int fd, uint32_t to, int *data_fd)
{
	struct vfio_device_feature_mig_state state = { .device_state = to };
	int ret = vfioc_feature(m->t, fd,
				VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE | VFIO_DEVICE_FEATURE_SET,
				&state, sizeof(state));

	if (ret)
		return machine_fail(m, ret, "migration state %u", to);
	if (data_fd)
		*data_fd = state.data_fd;
	return 0;
}

static int transfer(struct machine *m, int from, int to, uint64_t *bytes)
{
	const struct target_driver *driver = m->t->driver;
	uint8_t piece[PIECE];
	int64_t n;

	while ((n = driver->fd_read(m->t, from, piece, sizeof(piece), UINT64_MAX)) > 0) {
		for (int64_t done = 0, w; done < n; done += w) {
			w = driver->fd_write(m->t, to, piece + done, n - done, UINT64_MAX);
			if (w <= 0)
				return machine_fail(m, w ? (int)w : -EIO, "write a state");
		}
		*bytes += n;
	}
	return n ? machine_fail(m, (int)n, "read a state") : 0;
}

static int move(struct machine *m, struct machine_device *dev, uint64_t *bytes)
{
	const struct target_driver *driver = m->t->driver;
	int from = -1, to = -1, ret = set_state(m, dev->fd, VFIO_DEVICE_STATE_STOP_COPY, &from);

	if (!ret)
		ret = set_state(m, dev->copy_fd, VFIO_DEVICE_STATE_RESUMING, &to);
	if (!ret)
		ret = transfer(m, from, to, bytes);
	if (ret)
		return ret;
	driver->close_fd(m->t, from);
	driver->close_fd(m->t, to);
	ret = set_state(m, dev->copy_fd, VFIO_DEVICE_STATE_STOP, NULL);
	return ret ? ret : set_state(m, dev->fd, VFIO_DEVICE_STATE_STOP, NULL);
}

/* Nothing of it is 0 then: what does not arrive is seen. */
static int mark(struct machine *m, const struct machine_device *dev)
{
	static const uint32_t registers[] = { IODIRTY_BAR_ID, IODIRTY_BAR_DMA_SOURCE,
					      IODIRTY_BAR_DMA_DESTINATION, IODIRTY_BAR_DMA_COUNT,
					      IODIRTY_BAR_DMA_PASID };
	uint64_t words[IODIRTY_BAR_BUFFER_SIZE / sizeof(uint64_t)];
	const size_t n = sizeof(words) / sizeof(words[0]);
	int ret;

	for (size_t i = 0; i < n; i++)
		words[i] = (i + 1) * 0x9e3779b97f4a7c15ULL;
	ret = vfioc_buffer_write(m->t, dev->fd, words, sizeof(words));
	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]) && !ret; i++)
		ret = vfioc_bar_write(m->t, dev->fd, registers[i], words[n - 1 - i]);
	return ret ? machine_fail(m, ret, "registers") : 0;
}

int state_prepare(struct machine *m)
{
	int ret = 0;

	for (unsigned int i = 0; i < m->n && !ret; i++) {
		if (!m->devices[i].states)
			continue;
		ret = machine_twin(m, &m->devices[i]);
		if (!ret)
			ret = mark(m, &m->devices[i]);
	}
	return ret;
}

int state_move(struct machine *m, unsigned int *moved, uint64_t *bytes)
{
	int ret = 0;

	for (unsigned int i = 0; i < m->n && !ret; i++) {
		if (!m->devices[i].states)
			continue;
		ret = move(m, &m->devices[i], bytes);
		(*moved)++;
	}
	return ret;
}

/* Every register must be as it was. */
static int same(struct machine *m, const struct machine_device *dev)
{
	static const struct {
		uint32_t first, last;
	} registers[] = {
		{ IODIRTY_BAR_ID, IODIRTY_BAR_ID },
		{ IODIRTY_BAR_DMA_SOURCE, IODIRTY_BAR_DMA_PASID },
		{ IODIRTY_BAR_GEN_IOVA, IODIRTY_BAR_GEN_FAULTS },
		{ IODIRTY_BAR_BUFFER, IODIRTY_BAR_BUFFER + IODIRTY_BAR_BUFFER_SIZE - 8 },
	};
	uint64_t here, there;
	int ret;

	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		for (uint32_t reg = registers[i].first; reg <= registers[i].last; reg += 8) {
			ret = vfioc_bar_read(m->t, dev->fd, reg, &here);
			if (!ret)
				ret = vfioc_bar_read(m->t, dev->copy_fd, reg, &there);
			if (ret)
				return machine_fail(m, ret, "registers");
			if (here != there)
				return machine_fail(m, -EIO,
						    "register %#x is %#" PRIx64 " at the source, "
						    "%#" PRIx64 " at the destination",
						    reg, here, there);
		}
	}
	return 0;
}

/* Its generator writes on, to the copy, from the write on that was next at the source. */
static int generate_on(struct machine *m, const struct machine_device *dev)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	uint64_t was, is, at, value;
	int ret = vfioc_generated(m->t, dev->copy_fd, &was);

	if (ret)
		return machine_fail(m, ret, "registers");
	ret = set_state(m, dev->copy_fd, VFIO_DEVICE_STATE_RUNNING, NULL);
	is = was;
	for (int i = 0; i < PATIENCE && !ret && is == was; i++) {
		nanosleep(&moment, NULL);
		ret = vfioc_generated(m->t, dev->copy_fd, &is);
	}
	if (!ret)
		ret = vfioc_generate_stop(m->t, dev->copy_fd, &is);
	if (ret)
		return machine_fail(m, ret, "a device at the destination");
	if (is <= was)
		return machine_fail(m, -EIO, "write %" PRIu64 " is not made at the destination",
				    was);
	at = truth_iova(&dev->work, is - 1) - m->iova;
	value = *(const uint64_t *)(m->copy + at);
	if (value != is - 1)
		return machine_fail(m, -EIO, "write %" PRIu64 " at the destination left %" PRIu64,
				    is - 1, value);
	return 0;
}

static int go_on(struct machine *m, struct performer *p, unsigned int i)
{
	int ret;

	if (!p)
		return generate_on(m, &m->devices[i]);
	ret = set_state(m, m->devices[i].copy_fd, VFIO_DEVICE_STATE_RUNNING, NULL);
	return ret ? ret : perform_next(p, i);
}

int state_resume(struct machine *m, struct performer *p)
{
	int ret = 0;

	for (unsigned int i = 0; i < m->n && !ret; i++) {
		if (!m->devices[i].states)
			continue;
		ret = same(m, &m->devices[i]);
		if (!ret)
			ret = go_on(m, p, i);
	}
	return ret;
}
