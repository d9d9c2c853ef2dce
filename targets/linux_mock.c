/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's test interface, and what of it this kernel has. */
#include <errno.h>

#include "abi/vfio.h"
#include "linux.h"
#include "sys.h"

int mock_test_cmd(int fd, uint32_t op, struct iommu_test_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	cmd->op = op;
	return sys_ioctl(fd, IOMMU_TEST_CMD, cmd);
}

int mock_destroy(int fd, uint32_t id)
{
	struct iommu_destroy arg = { .size = sizeof(arg), .id = id };

	return sys_ioctl(fd, IOMMU_DESTROY, &arg);
}

int mock_ioas_alloc(int fd, uint32_t *ioas)
{
	struct iommu_ioas_alloc arg = { .size = sizeof(arg) };
	int ret = sys_ioctl(fd, IOMMU_IOAS_ALLOC, &arg);

	*ioas = arg.out_ioas_id;
	return ret;
}

int mock_device(int fd, uint32_t pt, uint32_t flags, struct iommu_test_cmd *cmd)
{
	*cmd = (struct iommu_test_cmd){ .id = pt, .mock_domain_flags.dev_flags = flags };
	return mock_test_cmd(fd, IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS, cmd);
}

int mock_hwpt_alloc(int fd, uint32_t dev, uint32_t pt, uint32_t flags,
		    struct iommu_hwpt_selftest *data, uint32_t *hwpt)
{
	struct iommu_hwpt_alloc arg = {
		.size = sizeof(arg),
		.flags = flags,
		.dev_id = dev,
		.pt_id = pt,
		.data_type = data ? IOMMU_HWPT_DATA_SELFTEST : IOMMU_HWPT_DATA_NONE,
		.data_len = data ? sizeof(*data) : 0,
		.data_uptr = (uintptr_t)data,
	};
	int ret = sys_ioctl(fd, IOMMU_HWPT_ALLOC, &arg);

	if (!ret)
		*hwpt = arg.out_hwpt_id;
	return ret;
}

/* Does a device with these flags exist? Leaves none behind. */
static bool device_exists(int fd, uint32_t ioas, uint32_t flags)
{
	struct iommu_test_cmd cmd;

	if (mock_device(fd, ioas, flags, &cmd))
		return false;
	mock_destroy(fd, cmd.mock_domain_flags.out_stdev_id);
	return true;
}

/* What may be mapped in @ioas, to which a device is attached. */
static int aperture(int fd, uint32_t ioas, struct iodirty_format_info *f)
{
	struct iommu_iova_range ranges[8];
	struct iommu_ioas_iova_ranges arg = {
		.size = sizeof(arg),
		.ioas_id = ioas,
		.num_iovas = sizeof(ranges) / sizeof(ranges[0]),
		.allowed_iovas = (uintptr_t)ranges,
	};
	int ret = sys_ioctl(fd, IOMMU_IOAS_IOVA_RANGES, &arg);

	if (ret || !arg.num_iovas)
		return ret ? ret : -ENODEV;
	f->aperture_first = ranges[0].start;
	f->aperture_last = ranges[arg.num_iovas - 1].last;
	return 0;
}

/* The sizes of leaves above a page: VFIO's ioctls tell, iommufd's do not. */
static uint64_t large_leaves(int fd, uint32_t ioas)
{
	struct iommu_vfio_ioas set = { .size = sizeof(set),
				       .op = IOMMU_VFIO_IOAS_SET,
				       .ioas_id = ioas };
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };

	if (sys_ioctl(fd, IOMMU_VFIO_IOAS, &set) || sys_ioctl(fd, VFIO_IOMMU_GET_INFO, &info))
		return 0;
	return info.iova_pgsizes & ~4096ull;
}

/* The tables of a device with @flags, or of @type. */
static int look_at(int fd, uint32_t flags, uint32_t type, struct iodirty_format_info *f)
{
	struct iommu_hwpt_selftest data = { .pagetable_type = type };
	struct iommu_test_cmd cmd, replace = { 0 };
	uint32_t ioas, hwpt;
	int ret = mock_ioas_alloc(fd, &ioas);

	if (!ret)
		ret = mock_device(fd, ioas, flags, &cmd);
	if (ret)
		return ret;
	if (type) {
		ret = mock_hwpt_alloc(fd, cmd.mock_domain_flags.out_idev_id, ioas, 0, &data, &hwpt);
		replace.id = cmd.mock_domain_flags.out_stdev_id;
		replace.mock_domain_replace.pt_id = hwpt;
		if (!ret)
			ret = mock_test_cmd(fd, IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE, &replace);
	}
	if (!ret)
		ret = aperture(fd, ioas, f);
	if (ret)
		return ret;
	f->granule_lg2 = __builtin_ctzll(type ? 4096 : MOCK_PAGE_SIZE);
	f->leaf_sizes = 1ull << f->granule_lg2 | large_leaves(fd, ioas);
	if (!type && f->leaf_sizes & ~(MOCK_PAGE_SIZE | MOCK_HUGE_PAGE_SIZE))
		f->leaf_sizes |= 4096; /* every power of two */
	return 0;
}

int mock_find_out(const char *node, struct mock *m)
{
	int fd = sys_open(node);
	uint32_t ioas;
	int ret;

	if (fd < 0)
		return fd;
	ret = mock_ioas_alloc(fd, &ioas);
	if (!ret)
		ret = look_at(fd, 0, MOCK_IOMMUPT_DEFAULT, &m->formats[0]);
	if (!ret) {
		m->huge_by_device = !look_at(fd, MOCK_FLAGS_DEVICE_HUGE_IOVA, MOCK_IOMMUPT_DEFAULT,
					     &m->formats[1]);
		m->huge_by_table = !m->huge_by_device &&
				   !look_at(fd, 0, MOCK_IOMMUPT_HUGE, &m->formats[1]);
		m->pasid = device_exists(fd, ioas, MOCK_FLAGS_DEVICE_PASID);
	}
	sys_close(fd);
	return ret;
}
