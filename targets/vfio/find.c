/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What there is to know of a device before it is used, and why it cannot be. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../sys.h"
#include "abi/vfio.h"
#include "space.h"

/* VT-d 3.4, 11.4.2: capability register, second-stage pages of 2 MiB and 1 GiB. */
#define VTD_CAP_2M (1ull << 34)
#define VTD_CAP_1G (1ull << 35)

#define MAX_RANGES 32

/* Nothing of the device is touched. */
static int check_host(struct found *f, struct why *why)
{
	const char *address = f->arg.address;
	char driver[64];
	struct pci_id id;

	if (pci_id(address, &id))
		return refuse(why, -ENODEV, "there is no PCI device %s: see lspci -D", address);
	f->dma.driver = dma_driver_for(&id);
	if (!f->dma.driver)
		return refuse(why, -ENODEV,
			      "%s is %04x:%04x, which nothing here can make write: take an NVMe "
			      "drive, or QEMU's -device edu",
			      address, id.vendor, id.device);
	f->group = pci_group(address);
	if (f->group < 0)
		return refuse(why, -ENODEV,
			      "%s has no IOMMU group: switch the IOMMU on, in the firmware and by "
			      "intel_iommu=on on the kernel's command line",
			      address);
	if (f->arg.bind)
		return pci_bind_vfio(address, why);
	pci_driver(address, driver, sizeof(driver));
	if (strcmp(driver, "vfio-pci"))
		return refuse(why, -EBUSY,
			      "%s has %s%s, not vfio-pci: use vfio:%s,bind to take it for this run",
			      address, driver[0] ? "driver " : "no driver", driver, address);
	return 0;
}

static int look_at_iommu(struct found *f, int iommufd, uint32_t dev_id, struct why *why)
{
	struct iommu_hw_info_vtd vtd = { 0 };
	struct iommu_hw_info info = {
		.size = sizeof(info),
		.dev_id = dev_id,
		.data_len = sizeof(vtd),
		.data_uptr = (uintptr_t)&vtd,
	};
	struct iodirty_format_info *format = &f->format;
	int ret = sys_ioctl(iommufd, IOMMU_GET_HW_INFO, &info);
	bool intel = !ret && info.out_data_type == IOMMU_HW_INFO_TYPE_INTEL_VTD;

	if (ret && ret != -EOPNOTSUPP)
		return refuse(why, ret, "GET_HW_INFO: %s", strerror(-ret));
	*format = (struct iodirty_format_info){ .size = sizeof(*format), .granule_lg2 = 12 };
	strcpy(format->name, intel ? "vtd-ss" : "host");
	format->leaf_sizes = 1ull << 12;
	if (!intel || vtd.cap_reg & VTD_CAP_2M)
		format->leaf_sizes |= 1ull << 21;
	if (vtd.cap_reg & VTD_CAP_1G)
		format->leaf_sizes |= 1ull << 30;
	if (!ret && info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING) {
		format->flags |= IODIRTY_FORMAT_DIRTY;
		f->caps |= TARGET_TRACK;
	}
	return 0;
}

/* From behind the room to the end of what device and IOMMU translate. */
static int look_at_ranges(struct found *f, int iommufd, uint32_t ioas, struct why *why)
{
	struct iommu_iova_range ranges[MAX_RANGES];
	struct iommu_ioas_iova_ranges arg = {
		.size = sizeof(arg),
		.ioas_id = ioas,
		.num_iovas = MAX_RANGES,
		.allowed_iovas = (uintptr_t)ranges,
	};
	int ret = sys_ioctl(iommufd, IOMMU_IOAS_IOVA_RANGES, &arg);

	if (ret)
		return refuse(why, ret, "IOAS_IOVA_RANGES: %s", strerror(-ret));
	f->format.aperture_first = DMA_ROOM_END;
	f->format.aperture_last = ranges[arg.num_iovas - 1].last;
	if (f->format.aperture_last > f->dma.last)
		f->format.aperture_last = f->dma.last;
	return 0;
}

static int try_dma(struct found *f, struct vfio_device *dev, const struct space *space,
		   struct why *why)
{
	int ret;

	f->dma.dev = dev;
	f->dma.room = room_alloc();
	if (!f->dma.room)
		return refuse(why, -ENOMEM, "no memory");
	ret = space_map_room(space, f->dma.room);
	if (ret) {
		refuse(why, ret, "no memory can be mapped at IOVA %#llx: %s", DMA_ROOM_IOVA,
		       strerror(-ret));
	} else {
		ret = device_master(dev, true);
		if (ret)
			refuse(why, ret, "the device cannot be made to master the bus");
		else
			ret = f->dma.driver->init(&f->dma, f->arg.scratch, why);
		f->dma.driver->remove(&f->dma);
		device_master(dev, false);
		space_unmap_room(space);
	}
	room_free(f->dma.room);
	f->dma.room = NULL;
	f->dma.dev = NULL;
	return ret;
}

/* In a /dev/iommu of its own, of which nothing stays. */
static int try_device(struct found *f, int iommufd, struct why *why)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct vfio_device dev;
	uint32_t dev_id, pt;
	int ret = iommufd_bind(f->arg.address, iommufd, &dev, &dev_id, why);

	if (ret)
		return ret;
	ret = sys_ioctl(iommufd, IOMMU_IOAS_ALLOC, &alloc);
	pt = alloc.out_ioas_id;
	if (!ret)
		ret = iommufd_attach(&dev, &pt);
	if (ret)
		refuse(why, ret, "%s cannot be attached to an address space: %s", f->arg.address,
		       strerror(-ret));
	else
		ret = look_at_iommu(f, iommufd, dev_id, why);
	if (!ret)
		ret = try_dma(f, &dev, &(struct space){ iommufd, alloc.out_ioas_id }, why);
	if (!ret)
		ret = look_at_ranges(f, iommufd, alloc.out_ioas_id, why);
	device_close(&dev);
	return ret;
}

static int find(struct found *f, struct why *why)
{
	int iommufd, ret = check_host(f, why);

	if (ret)
		return ret;
	iommufd = sys_open("/dev/iommu");
	if (iommufd < 0)
		return refuse(why, iommufd,
			      "/dev/iommu: %s: it takes Linux 6.6 with CONFIG_IOMMUFD",
			      strerror(-iommufd));
	f->caps = TARGET_DMA;
	if (!sys_ioctl(iommufd, VFIO_GET_API_VERSION, NULL))
		f->caps |= TARGET_VFIO_COMPAT;
	ret = try_device(f, iommufd, why);
	sys_close(iommufd);
	if (!ret && container_there(f->group))
		f->caps |= TARGET_TYPE1;
	return ret;
}

int vfio_find(const char *text, struct found *found, struct why *why)
{
	static struct found known; /* of known.arg, when that has an address */
	int lock, ret;

	*found = (struct found){ 0 };
	if (!text) {
		char list[200];

		pci_candidates(dma_has_driver, list, sizeof(list));
		return refuse(why, -EINVAL, "name a device, -t vfio:ADDRESS; %s%s",
			      list[0] ? "there are " : "here is no NVMe drive and no edu", list);
	}
	ret = vfio_arg_parse(text, &found->arg, why);
	if (ret)
		return ret;
	if (!memcmp(&known.arg, &found->arg, sizeof(known.arg))) {
		*found = known;
		return 0;
	}
	lock = pci_lock(found->arg.address);
	ret = find(found, why);
	if (lock >= 0)
		sys_close(lock);
	if (!ret)
		known = *found;
	return ret;
}
