/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef IODIRTY_VERSION_H
#define IODIRTY_VERSION_H

#define IODIRTY_VERSION "0.1.0"

#endif
