/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* IODIRTY_RECORD: what the devices of a descriptor do, for whoever wants to see it. */
#include "core.h"

#define CHUNK 64 /* entries that are copied at a time */

/* A chunk is let go only when the caller has it. */
static int read_chunk(struct hw_recorder *r, struct iodirty_record *cmd,
		      struct iodirty_record_entry *chunk, u32 *n)
{
	u64 to = cmd->entries + (u64)cmd->out_count * sizeof(*chunk);
	int err;

	*n = hw_recorder_peek(r, chunk, port_min(cmd->count - cmd->out_count, CHUNK),
			      &cmd->out_lost);
	if (!*n)
		return 0;
	err = port_copy_to_user(to, chunk, *n * sizeof(*chunk));
	if (err)
		return err;
	hw_recorder_drop(r, *n);
	cmd->out_count += *n;
	return 0;
}

/* What was let go before a failure has been delivered, and is counted: no error then. */
static int read_entries(struct hw_recorder *r, struct iodirty_record *cmd)
{
	struct iodirty_record_entry *chunk = port_alloc(CHUNK * sizeof(*chunk));
	u32 n = 1;
	int err = 0;

	if (!chunk)
		return -ENOMEM;
	cmd->out_count = 0;
	port_mutex_lock(&r->read_lock);
	while (!err && n)
		err = read_chunk(r, cmd, chunk, &n);
	port_mutex_unlock(&r->read_lock);
	port_free(chunk);
	return cmd->out_count ? 0 : err;
}

int record_ioctl(struct ucmd *ucmd)
{
	struct iodirty_record *cmd = ucmd->arg;
	struct hw_recorder *r = &ucmd->ctx->own_record;
	int err;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if (ucmd->ctx->record != r)
		return -EBUSY;
	switch (cmd->op) {
	case IODIRTY_RECORD_START:
		return hw_recorder_start(r, cmd->capacity);
	case IODIRTY_RECORD_STOP:
		return hw_recorder_stop(r);
	case IODIRTY_RECORD_READ:
		err = read_entries(r, cmd);
		return err ? err : ucmd_reply(ucmd);
	default:
		return -EOPNOTSUPP;
	}
}
