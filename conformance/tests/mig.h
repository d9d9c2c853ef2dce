/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Migration states: the calls, and streams. */
#ifndef IODIRTY_TESTS_MIG_H
#define IODIRTY_TESTS_MIG_H

#include "ct.h"

#define S(name) VFIO_DEVICE_STATE_##name

/* Everything that a device may have for it. */
#define MIG_ALL (IODIRTY_VFIO_MIGRATION | IODIRTY_VFIO_P2P | IODIRTY_VFIO_PRE_COPY)

const char *mig_name(u32 state);
/* SET; *@data_fd, which may be NULL, is what came back, also with an error. 0 or -errno. */
int mig_set(int fd, u32 state, int *data_fd);
/* GET, whose data_fd must be -1. */
u32 mig_state(int fd);
void mig_expect(int fd, u32 state, const char *what);

/* All bytes until the end, at most @size, in reads of @piece bytes. */
u64 mig_read(int data_fd, void *buf, u64 size, u64 piece);
/* 0, or what the write that failed returned. */
int mig_write(int data_fd, const void *buf, u64 size, u64 piece);

/* More than any device's stream. */
#define MIG_STREAM_MAX (256 * 1024)
/* From RUNNING: the device is in STOP_COPY, and its whole state in @buf. */
u64 mig_save(int fd, void *buf);
/* From RUNNING: the device is in RESUMING, whose descriptor is returned. */
int mig_resume(int fd);

#endif
