/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stream that a device is migrated by: records, each with the engine's buffer or all the
 * rest. A buffer may come again, the last one counts; what ends the stream is the rest.
 *
 *	0	8	"IODIRTYM"
 *	8	4	version
 *	12	4	kind of device (enum iodirty_vfio_kind)
 *	16	4	which record
 *	20	4	bytes of its contents
 *	24	8	checksum, FNV-1a of what is before it and of the contents
 *	32		contents
 *
 * in little endian. Whoever writes it is not trusted: what does not have exactly this form
 * is refused.
 */
#include "device.h"

#define MAGIC 0x4d59545249444f49ULL /* "IODIRTYM" */
#define VERSION 1u
#define HEAD 32u
#define CHECKSUM 24u /* its place */

enum record { RECORD_BUFFER = 1, RECORD_STATE = 2 };

#define BUFFER_SIZE ((u32)IODIRTY_BAR_BUFFER_SIZE)
#define STATE_WORDS (sizeof(struct vfio_engine_state) / sizeof(u64))
#define STATE_SIZE ((u32)(VFIO_CONFIG_SIZE + STATE_WORDS * 8))
/* A buffer of which not all is read yet, another, and the end. */
#define MOST (3 * HEAD + 2 * BUFFER_SIZE + STATE_SIZE)

struct vfio_mig_data {
	bool resuming;
	u8 bytes[MOST]; /* to be read; or written of a record that is not whole */
	u32 at, end; /* of them */
	u8 buffer[IODIRTY_BAR_BUFFER_SIZE]; /* as it was last saved, or written */

	u64 initial; /* bytes, of those to be read, that were there first */

	bool bad; /* what was written is no device's */
	bool have_buffer, have_state;
	u8 state[STATE_SIZE];
};

static void put(u8 *at, u32 bytes, u64 v)
{
	for (u32 i = 0; i < bytes; i++)
		at[i] = (u8)(v >> 8 * i);
}

static u64 get(const u8 *at, u32 bytes)
{
	u64 v = 0;

	for (u32 i = 0; i < bytes; i++)
		v |= (u64)at[i] << 8 * i;
	return v;
}

static u64 fnv(u64 sum, const u8 *bytes, u32 n)
{
	for (u32 i = 0; i < n; i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3ULL;
	return sum;
}

static u64 checksum(const u8 *record, u32 length)
{
	return fnv(fnv(0xcbf29ce484222325ULL, record, CHECKSUM), record + HEAD, length);
}

struct vfio_mig_data *vfio_mig_data_create(bool resuming)
{
	struct vfio_mig_data *data = port_alloc(sizeof(*data));

	if (data)
		data->resuming = resuming;
	return data;
}

void vfio_mig_data_free(struct vfio_mig_data *data)
{
	port_free(data);
}

u64 vfio_mig_data_length(void)
{
	return 2 * HEAD + BUFFER_SIZE + STATE_SIZE;
}

/* ---- saving ---- */

/* The record after what is there, whose contents are already at their place. */
static void append(struct vfio_mig_data *data, const struct vfio_device *dev, enum record which,
		   u32 length)
{
	u8 *record = data->bytes + data->end;

	put(record, 8, MAGIC);
	put(record + 8, 4, VERSION);
	put(record + 12, 4, dev->plug.kind);
	put(record + 16, 4, which);
	put(record + 20, 4, length);
	put(record + CHECKSUM, 8, checksum(record, length));
	data->end += HEAD + length;
}

/* Where the contents of the next record are put; what was read makes room. */
static u8 *contents(struct vfio_mig_data *data)
{
	if (data->at == data->end)
		data->at = data->end = 0;
	return data->bytes + data->end + HEAD;
}

static bool buffer_changed(struct vfio_mig_data *data, struct vfio_device *dev)
{
	u8 *now = contents(data);

	vfio_engine_save(dev, NULL, now);
	return !data->have_buffer || memcmp(now, data->buffer, BUFFER_SIZE) != 0;
}

/* What waits to be read is at most one buffer, when another is saved. */
void vfio_mig_data_precopy(struct vfio_mig_data *data, struct vfio_device *dev)
{
	if (!buffer_changed(data, dev))
		return;
	memcpy(data->buffer, contents(data), BUFFER_SIZE);
	append(data, dev, RECORD_BUFFER, BUFFER_SIZE);
	if (!data->have_buffer)
		data->initial = HEAD + BUFFER_SIZE;
	data->have_buffer = true;
}

void vfio_mig_data_stop_copy(struct vfio_mig_data *data, struct vfio_device *dev)
{
	struct vfio_engine_state state;
	const u64 *words = (const u64 *)&state;
	u8 *at;

	vfio_mig_data_precopy(data, dev);
	at = contents(data);
	vfio_engine_save(dev, &state, NULL);
	vfio_config_read(&dev->config, 0, at, VFIO_CONFIG_SIZE);
	for (u32 i = 0; i < STATE_WORDS; i++)
		put(at + VFIO_CONFIG_SIZE + i * 8, 8, words[i]);
	append(data, dev, RECORD_STATE, STATE_SIZE);
}

void vfio_mig_data_left(struct vfio_mig_data *data, struct vfio_device *dev, u64 *initial,
			u64 *dirty)
{
	bool more = buffer_changed(data, dev);

	*initial = data->initial;
	*dirty = data->end - data->at - data->initial + (more ? HEAD + BUFFER_SIZE : 0);
}

s64 vfio_mig_data_read(struct vfio_mig_data *data, u64 uaddr, u64 size)
{
	u64 n = port_min(size, data->end - data->at);
	int err = n ? port_copy_to_user(uaddr, data->bytes + data->at, n) : 0;

	if (err)
		return err;
	data->at += (u32)n;
	data->initial -= port_min(data->initial, n);
	return (s64)n;
}

/* ---- loading ---- */

/* Does the record begin as one may? Then *@length is that of its contents. */
static bool check_head(const u8 *record, const struct vfio_device *dev, u32 *length)
{
	u64 which = get(record + 16, 4);

	*length = which == RECORD_BUFFER ? BUFFER_SIZE : STATE_SIZE;
	return get(record, 8) == MAGIC && get(record + 8, 4) == VERSION &&
	       get(record + 12, 4) == dev->plug.kind &&
	       (which == RECORD_BUFFER || which == RECORD_STATE) && get(record + 20, 4) == *length;
}

/* Nothing may follow the end. */
static bool take_record(struct vfio_mig_data *data, u32 length)
{
	const u8 *record = data->bytes;

	if (data->have_state || get(record + CHECKSUM, 8) != checksum(record, length))
		return false;
	if (get(record + 16, 4) == RECORD_BUFFER) {
		memcpy(data->buffer, record + HEAD, length);
		data->have_buffer = true;
	} else {
		memcpy(data->state, record + HEAD, length);
		data->have_state = true;
	}
	data->end = 0;
	return true;
}

s64 vfio_mig_data_write(struct vfio_mig_data *data, const struct vfio_device *dev, u64 uaddr,
			u64 size)
{
	u64 done = 0;

	while (done < size && !data->bad) {
		u32 length = 0;
		u64 n;

		if (data->end >= HEAD)
			check_head(data->bytes, dev, &length);
		n = port_min((data->end < HEAD ? HEAD : HEAD + length) - data->end, size - done);
		if (port_copy_from_user(data->bytes + data->end, uaddr + done, n))
			return done ? (s64)done : -EFAULT;
		data->end += (u32)n;
		done += n;
		if (data->end == HEAD)
			data->bad = !check_head(data->bytes, dev, &length);
		else if (data->end > HEAD && data->end == HEAD + length)
			data->bad = !take_record(data, length);
	}
	return data->bad ? -EINVAL : (s64)done;
}

/* Bits that cannot be written are of every device alike. */
static bool load_config(struct vfio_device *dev, const u8 *bytes)
{
	struct vfio_config config;

	vfio_config_init(&config);
	vfio_config_write(&config, 0, bytes, VFIO_CONFIG_SIZE);
	if (memcmp(config.bytes, bytes, VFIO_CONFIG_SIZE) != 0)
		return false;
	port_rwsem_write(&dev->io);
	vfio_config_write(&dev->config, 0, bytes, VFIO_CONFIG_SIZE);
	port_rwsem_write_end(&dev->io);
	return true;
}

int vfio_mig_data_load(struct vfio_mig_data *data, struct vfio_device *dev)
{
	struct vfio_engine_state state;
	u64 *words = (u64 *)&state;
	int err;

	if (data->bad || data->end || !data->have_buffer || !data->have_state ||
	    !load_config(dev, data->state))
		return -EIO;
	for (u32 i = 0; i < STATE_WORDS; i++)
		words[i] = get(data->state + VFIO_CONFIG_SIZE + i * 8, 8);
	err = vfio_engine_load(dev, &state, data->buffer);
	return err == -EINVAL ? -EIO : err;
}
