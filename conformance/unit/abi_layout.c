/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Holds abi/layout.h against our headers, or, with ABI_LINUX_VERSION given,
 * against a kernel's own <linux/iommufd.h> and, with ABI_LINUX_VFIO, its
 * <linux/vfio.h>, with ABI_LINUX_TEST, its iommufd_test.h. It is compiled and
 * never run.
 */
#include <stddef.h>

#define ABI_VERSION(major, minor) ((major)*1000 + (minor))

#ifdef ABI_LINUX_VERSION
#include <linux/iommufd.h>
#ifdef ABI_LINUX_VFIO
#include <linux/vfio.h>
#endif
#ifdef ABI_LINUX_TEST
#include <iommufd_test.h>
#endif
#define ABI_SINCE(major, minor) (ABI_LINUX_VERSION >= ABI_VERSION(major, minor))
#else
#include "abi/iodirty.h"
#include "abi/iommufd.h"
#include "abi/iommufd_test.h"
#include "abi/vfio.h"
#define ABI_SINCE(major, minor) 1
#endif

#include "abi/layout.h"
