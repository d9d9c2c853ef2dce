/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the files of this folder share: the words of "-t vfio:...", a PCI device
 * as sysfs shows it, and one that is open through VFIO.
 */
#ifndef IODIRTY_TARGETS_VFIO_H
#define IODIRTY_TARGETS_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a refusal is explained. */
struct why {
	char *text;
	size_t size;
};

/* Explains, and returns @err. */
int refuse(struct why *why, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- arg.c: ADDRESS[,bind][,scratch] ---- */

#define PCI_ADDRESS_LEN 16

struct vfio_arg {
	char address[PCI_ADDRESS_LEN]; /* as in sysfs: 0000:00:10.0 */
	bool bind; /* take it from the driver that has it */
	bool scratch; /* what is on the drive may be overwritten */
};

int vfio_arg_parse(const char *text, struct vfio_arg *arg, struct why *why);

/* ---- pci.c: sysfs ---- */

struct pci_id {
	uint16_t vendor, device;
	uint32_t class; /* 24 bits */
};

int pci_id(const char *address, struct pci_id *id);
/* Its IOMMU group, or -ENOENT: no IOMMU translates for it. */
int pci_group(const char *address);
/* The name of the driver that has it; "" for none. */
void pci_driver(const char *address, char *name, size_t size);
/* The node that VFIO made for it, /dev/vfio/devices/vfioN: 0 or -ENOENT. */
int pci_cdev(const char *address, char *path, size_t size);
/* Devices that @usable by their id, with who has them, as a line of text. */
void pci_candidates(bool (*usable)(const struct pci_id *), char *text, size_t size);
/*
 * Only the holder uses the device: waits for other processes to be done with it.
 * A descriptor to be closed, or -errno.
 */
int pci_lock(const char *address);

/* ---- bind.c ---- */

/*
 * Give the device to vfio-pci, if it is not there. Refused when the host uses what
 * it offers. This process gives it back when it exits; its children do not.
 */
int pci_bind_vfio(const char *address, struct why *why);

/* ---- device.c: a device that is open ---- */

struct vfio_device {
	int fd; /* -1: not open */
	uint64_t config; /* offset of the configuration space in fd */
	volatile uint8_t *bar; /* BAR 0 */
	size_t bar_size;
};

/* Takes @fd over, also when it fails. The device may not master the bus. */
int device_open(struct vfio_device *dev, int fd);
/* Not a master any more, reset, closed. Also of one that is not open. */
void device_close(struct vfio_device *dev);
int device_master(struct vfio_device *dev, bool on);

/* Registers of BAR 0, little-endian; @offset is aligned and inside. */
uint32_t device_read32(const struct vfio_device *dev, size_t offset);
uint64_t device_read64(const struct vfio_device *dev, size_t offset);
void device_write32(struct vfio_device *dev, size_t offset, uint32_t value);
void device_write64(struct vfio_device *dev, size_t offset, uint64_t value);

#endif
