/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One connection of a thread of a client, and what clients hold of us. */
#ifndef IODIRTY_PRELOAD_CLIENT_H
#define IODIRTY_PRELOAD_CLIENT_H

#include "port/user/task.h"
#include "wire.h"

struct client {
	struct task task; /* ops: client_task_ops */
	int socket;
	pid_t pid;
	int process; /* a pidfd */
	bool interrupted; /* it said so, in the call that is under way */
};

/* The next message from it but INTERRUPT, which is noted: -EPIPE also when it has died, whoever has a copy of its end. */
int client_receive(struct client *c, struct wire *w);

extern const struct task_ops client_task_ops;

int clients_init(void); /* 0 or more, or -errno */
/* Release what was closed before this call. No call's task or lock may be held. */
void clients_reap(void);
void clients_wait(void); /* until there is something to reap */
unsigned int clients_open_count(void); /* after reaping */

/*
 * The client's number of a new descriptor that stands for @priv, or -errno: @priv
 * is the caller's then. No copy of it is left here. Fail points.
 */
int client_install(struct task *t, const struct port_fd_ops *ops, void *priv, int *ours);
struct port_fd *client_find_fd(u64 cookie, const struct port_fd_ops *ops);

#endif
