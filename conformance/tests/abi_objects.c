/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ABI: what the calls around dirty tracking answer: capabilities,
 * information, ranges, options, and what may be destroyed when.
 */
#include <sys/mman.h>

#include "ct.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* ---- who can track ---- */

/* The capability bit and HWPT_ALLOC say the same, and both keep their word. */
CT_TEST(capability_agrees, "ABI-024", .scope = CT_EACH_FORMAT)
{
	bool format = ct.config.format.flags & IODIRTY_FORMAT_DIRTY;
	u32 ioas, dev, hwpt;
	u64 caps;
	int ret;

	x(ct_ioas_alloc(&ioas));
	x(ct_plug(0, &dev));
	x(ct_hw_info(dev, &caps));
	ret = ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt);
	ct_check(ret == 0 || ret == -EOPNOTSUPP, "HWPT_ALLOC: %s", ct_errno_name(ret));
	ct_check(!!(caps & IOMMU_HW_CAP_DIRTY_TRACKING) == (ret == 0),
		 "GET_HW_INFO says %s, HWPT_ALLOC says %s",
		 caps & IOMMU_HW_CAP_DIRTY_TRACKING ? "yes" : "no", ret ? "no" : "yes");
	ct_check(format == (ret == 0), "the target says that the format %s track",
		 format ? "can" : "cannot");
	if (ret == 0) {
		x(ct_set_tracking(hwpt, true));
		x(ct_set_tracking(hwpt, false));
	}
}

/* An IOMMU that cannot: no bit, no HWPT that promises it, but plain ones. */
CT_TEST(no_capability, "ABI-025", .scope = CT_EACH_FORMAT, .needs = TARGET_NO_DIRTY_DEV)
{
	u32 ioas, dev, hwpt;
	u64 caps;

	x(ct_ioas_alloc(&ioas));
	x(ct_plug(IODIRTY_PLUG_NO_DIRTY, &dev));
	x(ct_hw_info(dev, &caps));
	ct_check(!(caps & IOMMU_HW_CAP_DIRTY_TRACKING), "GET_HW_INFO claims dirty tracking");
	x_err(EOPNOTSUPP, ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	x(ct_hwpt_alloc(dev, ioas, 0, &hwpt));
	x(ct_attach(dev, 0, hwpt));
}

/* A HWPT made without DIRTY_TRACKING, by hand or by attaching to an IOAS, is
 * never tracked, though its device could be. */
CT_TEST(hwpt_without_tracking, "ABI-026", .scope = CT_EACH_FORMAT)
{
	struct ct_bitmap b;
	struct scene s;
	u32 hwpts[2], dev;

	scene_open(&s);
	ct_bitmap_init(&b, s.length / s.page, 0);
	x(ct_hwpt_alloc(s.dev, s.ioas, 0, &hwpts[0]));
	x(ct_plug(0, &dev));
	x(ct_attach_out(dev, 0, s.ioas, &hwpts[1]));
	for (size_t i = 0; i < N(hwpts); i++) {
		x_err(EOPNOTSUPP, ct_set_tracking(hwpts[i], true));
		x_err(EOPNOTSUPP, ct_set_tracking(hwpts[i], false));
		x_err(EOPNOTSUPP, ct_get_bitmap(hwpts[i], 0, s.iova, s.length, s.page, b.bytes));
	}
	ct_check(ct_bitmap_count(&b) == 0, "a refused harvest wrote to the bitmap");
}

/* ---- GET_HW_INFO ---- */

static int hw_info(u32 dev, u32 flags, void *data, u32 len, struct iommu_hw_info *out)
{
	*out = (struct iommu_hw_info){ .size = sizeof(*out),
				       .flags = flags,
				       .dev_id = dev,
				       .data_len = len,
				       .data_uptr = (u64)data };
	return ct_ioctl(IOMMU_GET_HW_INFO, out);
}

/* The buffer: filled as far as it goes, zeroed beyond what there is, untouched
 * beyond its end; data_len always tells the length that there is. */
CT_TEST(hw_info_buffer, "ABI-027", .scope = CT_EACH_FORMAT)
{
	enum { SIZE = 256 };
	struct iommu_hw_info info;
	u8 whole[SIZE], part[SIZE];
	u32 dev, length, type;

	x(ct_plug(0, &dev));
	x(hw_info(dev, 0, NULL, 0, &info));
	length = info.data_len;
	type = info.out_data_type;
	ct_check(length < SIZE, "%u bytes of information", length);
	ct_check(type != IOMMU_HW_INFO_TYPE_NONE || length == 0, "%u bytes of no type", length);

	memset(whole, 0xaa, SIZE);
	x(hw_info(dev, 0, whole, SIZE, &info));
	ct_check(info.data_len == length && info.out_data_type == type,
		 "the answer depends on the buffer: %u bytes, then %u", length, info.data_len);
	for (u32 i = length; i < SIZE; i++)
		ct_check(whole[i] == 0, "byte %u of %u is 0x%x, not 0", i, length, whole[i]);

	for (u32 len = 0; len <= length; len++) {
		memset(part, 0xaa, SIZE);
		x(hw_info(dev, 0, part, len, &info));
		ct_check(info.data_len == length, "buffer of %u: data_len %u, not %u", len,
			 info.data_len, length);
		ct_check(!memcmp(part, whole, len), "buffer of %u: other bytes", len);
		for (u32 i = len; i < SIZE; i++)
			ct_check(part[i] == 0xaa, "buffer of %u: byte %u was written", len, i);
	}
	x_err(EFAULT, hw_info(dev, 0, (void *)8, SIZE, &info));
	/* Asking for the default type is asking for what there is. */
	info = (struct iommu_hw_info){ .size = sizeof(info),
				       .flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE,
				       .dev_id = dev,
				       .in_data_type = 0x7fffffff };
	x_err(EOPNOTSUPP, ct_ioctl(IOMMU_GET_HW_INFO, &info));
}

/* A buffer as long as data_len can say, that ends after a MiB: filled no further,
 * and not for ever. */
CT_TEST(hw_info_buffer_long, "ABI-027", .timeout_s = 5)
{
	static const struct {
		u32 length;
		int prot; /* after the MiB */
	} rows[] = { { UINT32_MAX, PROT_NONE }, { UINT32_MAX - 63, PROT_READ } };
	const u64 good = 1 << 20, room = 1ull << 32;
	struct iommu_hw_info info;
	u32 dev;
	u8 *p;

	x(ct_plug(0, &dev));
	p = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ct_check(p != MAP_FAILED, "no 4 GiB of address space: errno %d", errno);
	ct_check(!mprotect(p, good, PROT_READ | PROT_WRITE), "mprotect: errno %d", errno);
	for (size_t i = 0; i < N(rows); i++) {
		ct_check(!mprotect(p + good, room - good, rows[i].prot), "mprotect: errno %d",
			 errno);
		x_err(EFAULT, hw_info(dev, 0, p, rows[i].length, &info));
	}
	x(hw_info(dev, 0, p, good, &info));
}

/* The PASID width is the device's own: 20 bits, and none. */
CT_TEST(hw_info_pasid_width, "ABI-028", .needs = TARGET_PASID)
{
	struct iommu_hw_info info;
	u32 with, without;

	x(ct_plug_pasid(0, 20, &with));
	x(ct_plug(0, &without));
	x(hw_info(with, 0, NULL, 0, &info));
	ct_check(info.out_max_pasid_log2 == 20, "20 bits of PASID: %u", info.out_max_pasid_log2);
	x(hw_info(without, 0, NULL, 0, &info));
	ct_check(info.out_max_pasid_log2 == 0, "no PASID: %u", info.out_max_pasid_log2);
}

/* ---- answers ---- */

/* A caller of the first published layout: what it cannot know is neither read
 * nor written, and what it can know is answered. */
CT_TEST(first_layouts, "ABI-029")
{
	struct iommu_hwpt_alloc alloc;
	struct iommu_hw_info info;
	struct scene s;

	scene_open(&s);
	memset(&alloc, 0xee, sizeof(alloc));
	alloc.size = 24;
	alloc.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	alloc.dev_id = s.dev;
	alloc.pt_id = s.ioas;
	alloc.__reserved = 0;
	x(ct_ioctl(IOMMU_HWPT_ALLOC, &alloc));
	x(ct_set_tracking(alloc.out_hwpt_id, true));
	ct_check(alloc.data_type == 0xeeeeeeee && alloc.__reserved2 == 0xeeeeeeee,
		 "HWPT_ALLOC wrote beyond the caller's struct");

	memset(&info, 0, sizeof(info));
	info.size = 32;
	info.dev_id = s.dev;
	info.out_capabilities = 0xeeeeeeeeeeeeeeee;
	x(ct_ioctl(IOMMU_GET_HW_INFO, &info));
	ct_check(info.out_capabilities == 0xeeeeeeeeeeeeeeee,
		 "GET_HW_INFO wrote beyond the caller's struct");
}

/* Ids are unique and not 0; UNMAP says how much; MAP says where. */
CT_TEST(output_fields, "ABI-030")
{
	struct scene s;
	u32 a, b, hwpt;
	u64 iova, bytes = 0;

	scene_open(&s, .no_map = true);
	x(ct_ioas_alloc(&a));
	x(ct_ioas_alloc(&b));
	x(ct_hwpt_alloc(s.dev, s.ioas, 0, &hwpt));
	ct_check(a && b && hwpt && a != b && a != hwpt && b != hwpt && hwpt != s.hwpt,
		 "ids %u, %u, %u", a, b, hwpt);

	iova = s.iova;
	x(ct_map_flags(s.ioas, IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE, s.mem, s.page,
		       &iova));
	ct_check(iova == s.iova, "a fixed mapping moved");
	x(ct_map(s.ioas, s.mem, s.page, s.iova + 2 * s.page));
	x(ct_unmap(s.ioas, s.iova, 3 * s.page, &bytes));
	ct_check(bytes == 2 * s.page, "unmapped 2 pages, answer %llu bytes",
		 (unsigned long long)bytes);
	x(ct_unmap(s.ioas, 0, UINT64_MAX, &bytes));
	ct_check(bytes == 0, "unmapped all of nothing, answer %llu bytes",
		 (unsigned long long)bytes);
}

/* ---- IOVA ranges ---- */

static int iova_ranges(u32 ioas, struct iommu_iova_range *ranges, u32 *num)
{
	struct iommu_ioas_iova_ranges cmd = { .size = sizeof(cmd),
					      .ioas_id = ioas,
					      .num_iovas = *num,
					      .allowed_iovas = (u64)ranges };
	int ret = ct_ioctl(IOMMU_IOAS_IOVA_RANGES, &cmd);

	*num = cmd.num_iovas;
	return ret;
}

/* An empty IOAS allows all there is; an array of none is too small for that. */
CT_TEST(iova_ranges_of_empty, "ABI-031")
{
	struct iommu_iova_range r[2];
	u32 ioas, num = 0;

	x(ct_ioas_alloc(&ioas));
	memset(r, 0xee, sizeof(r));
	x_err(EMSGSIZE, iova_ranges(ioas, r, &num));
	ct_check(num == 1, "needs %u ranges, not 1", num);
	ct_check(r[0].start == 0xeeeeeeeeeeeeeeee, "wrote into an array of length 0");
	x(iova_ranges(ioas, r, &num));
	ct_check(num == 1 && r[0].start == 0 && r[0].last == UINT64_MAX,
		 "%u range, [0x%llx, 0x%llx]", num, (unsigned long long)r[0].start,
		 (unsigned long long)r[0].last);
	ct_check(r[1].start == 0xeeeeeeeeeeeeeeee, "wrote beyond the array");
	num = 1;
	x_err(EFAULT, iova_ranges(ioas, (void *)8, &num));
}

/* A reserved range in the middle of the aperture makes two; an array of one
 * gets the first, the number needed, and EMSGSIZE. */
CT_TEST(iova_ranges_reserved, "ABI-032", .scope = CT_EACH_FORMAT, .needs = TARGET_RESERVED)
{
	const struct iodirty_format_info *f = &ct.config.format;
	struct iodirty_plug plug = { .size = sizeof(plug) };
	struct iommu_iova_range r[3];
	struct scene s;
	u32 num, pt;

	scene_open(&s, .no_map = true, .no_attach = true);
	memcpy(plug.format, f->name, sizeof(plug.format));
	plug.resv_start = s.iova + s.page;
	plug.resv_length = 2 * s.page;
	x(ct.t->driver->plug(ct.t, &plug));
	pt = s.hwpt;
	x(ct.t->driver->attach(ct.t, plug.out_dev_id, 0, false, &pt));

	memset(r, 0xee, sizeof(r));
	num = 1;
	x_err(EMSGSIZE, iova_ranges(s.ioas, r, &num));
	ct_check(num == 2, "needs %u ranges, not 2", num);
	ct_check(r[0].start == f->aperture_first && r[0].last == plug.resv_start - 1,
		 "the first range is [0x%llx, 0x%llx]", (unsigned long long)r[0].start,
		 (unsigned long long)r[0].last);
	ct_check(r[1].start == 0xeeeeeeeeeeeeeeee, "wrote beyond the array");
	num = 3;
	x(iova_ranges(s.ioas, r, &num));
	ct_check(num == 2 && r[1].start == plug.resv_start + plug.resv_length &&
			 r[1].last == f->aperture_last,
		 "%u ranges, the second [0x%llx, 0x%llx]", num, (unsigned long long)r[1].start,
		 (unsigned long long)r[1].last);

	/* What is reserved cannot be mapped, nor promised. */
	struct iommu_iova_range allow = { plug.resv_start - s.page, plug.resv_start };
	struct iommu_ioas_allow_iovas cmd = {
		.size = sizeof(cmd), .ioas_id = s.ioas, .num_iovas = 1, .allowed_iovas = (u64)&allow
	};

	x_err(EINVAL, ct_map(s.ioas, s.mem, 2 * s.page, s.iova));
	x_err(EADDRINUSE, ct_ioctl(IOMMU_IOAS_ALLOW_IOVAS, &cmd));
	x(ct_map(s.ioas, s.mem, s.page, s.iova));
}

static int allow(u32 ioas, const struct iommu_iova_range *ranges, u32 num)
{
	struct iommu_ioas_allow_iovas cmd = {
		.size = sizeof(cmd), .ioas_id = ioas, .num_iovas = num, .allowed_iovas = (u64)ranges
	};

	return ct_ioctl(IOMMU_IOAS_ALLOW_IOVAS, &cmd);
}

/* Automatic mappings stay within what is allowed, the last list counts, and a
 * bad list changes nothing. */
CT_TEST(allow_iovas, "ABI-033")
{
	const u32 rw = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE;
	struct scene s;
	u64 iova = 0;
	u32 ioas;

	scene_open(&s);
	x(ct_ioas_alloc(&ioas));

	const u64 p = s.page, base = 1 << 28;
	const struct iommu_iova_range good[] = { { base, base + 2 * p - 1 } };
	const struct iommu_iova_range backwards[] = { { base + p, base } };
	const struct iommu_iova_range overlap[] = { { base, base + 2 * p - 1 },
						    { base + p, base + 3 * p - 1 } };
	const struct iommu_iova_range *old = good;
	u8 *mem = ct_memory(p, p, 0); /* an offset within a page would be the IOVA's too */

	x(allow(ioas, old, 1));
	x_err(EINVAL, allow(ioas, backwards, 1));
	x_err(EINVAL, allow(ioas, overlap, 2));
	x_err(EFAULT, allow(ioas, (void *)8, 1));
	for (int i = 0; i < 2; i++) {
		x(ct_map_flags(ioas, rw, mem, p, &iova));
		ct_check(iova >= base && iova <= base + p, "mapped at 0x%llx, not allowed",
			 (unsigned long long)iova);
	}
	x_err(ENOSPC, ct_map_flags(ioas, rw, mem, p, &iova));
	x(allow(ioas, NULL, 0));
	x(ct_map_flags(ioas, rw, mem, p, &iova));
	ct_check(iova < base || iova >= base + 2 * p, "mapped twice at 0x%llx",
		 (unsigned long long)iova);
}

/* ---- options ---- */

/* HUGE_PAGES is on, of one IOAS, and holds still while tables depend on it. */
CT_TEST(option_huge_pages, "ABI-034")
{
	struct scene s;
	u64 val;
	u32 ioas;

	scene_open(&s);
	x(ct_ioas_alloc(&ioas));
	val = 7;
	x(ct_option(IOMMU_OPTION_HUGE_PAGES, ioas, IOMMU_OPTION_OP_GET, &val));
	ct_check(val == 1, "HUGE_PAGES of a new IOAS is %llu", (unsigned long long)val);
	val = 2;
	x_err(EINVAL, ct_option(IOMMU_OPTION_HUGE_PAGES, ioas, IOMMU_OPTION_OP_SET, &val));
	val = 0;
	x(ct_option(IOMMU_OPTION_HUGE_PAGES, ioas, IOMMU_OPTION_OP_SET, &val));
	val = 7;
	x(ct_option(IOMMU_OPTION_HUGE_PAGES, ioas, IOMMU_OPTION_OP_GET, &val));
	ct_check(val == 0, "HUGE_PAGES set to 0 is %llu", (unsigned long long)val);
	val = 0;
	x_err(EINVAL, ct_option(IOMMU_OPTION_HUGE_PAGES, s.ioas, IOMMU_OPTION_OP_SET, &val));
	val = 7;
	x(ct_option(IOMMU_OPTION_HUGE_PAGES, s.ioas, IOMMU_OPTION_OP_GET, &val));
	ct_check(val == 1, "HUGE_PAGES of another IOAS is %llu", (unsigned long long)val);
}

/* RLIMIT_MODE has no object, and cannot change under one. */
CT_TEST(option_rlimit_mode, "ABI-035")
{
	u64 val = 7;
	u32 ioas;
	int ret;

	x(ct_option(IOMMU_OPTION_RLIMIT_MODE, 0, IOMMU_OPTION_OP_GET, &val));
	ct_check(val == 0, "RLIMIT_MODE is %llu at first", (unsigned long long)val);
	x(ct_ioas_alloc(&ioas));
	x_err(EOPNOTSUPP, ct_option(IOMMU_OPTION_RLIMIT_MODE, ioas, IOMMU_OPTION_OP_GET, &val));
	val = 1;
	ret = ct_option(IOMMU_OPTION_RLIMIT_MODE, 0, IOMMU_OPTION_OP_SET, &val);
	ct_check(ret == -EBUSY || ret == -EPERM, "RLIMIT_MODE changed under an IOAS: %s",
		 ct_errno_name(ret));
}

/* ---- DESTROY ---- */

/* What is in use stays, with the dirty bits in it; what is not goes, once. */
CT_TEST(destroy_in_use, "ABI-036", .scope = CT_EACH_FORMAT)
{
	struct ct_bitmap b;
	struct scene s;

	scene_open(&s);
	ct_bitmap_init(&b, s.length / s.page, 0);
	scene_write(&s, s.leaf, 1);
	x_err(EBUSY, ct_destroy(s.ioas));
	x_err(EBUSY, ct_destroy(s.hwpt));
	scene_write(&s, 2 * s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);

	x(ct_detach(s.dev, 0));
	x_err(EBUSY, ct_destroy(s.ioas));
	x(ct_destroy(s.hwpt));
	x_err(ENOENT, ct_destroy(s.hwpt));
	x_err(ENOENT, ct_get_bitmap(s.hwpt, 0, s.iova, s.length, s.page, b.bytes));
	x(ct_destroy(s.ioas)); /* mappings do not hold it */
	x_err(ENOENT, ct_destroy(s.ioas));
}

/* ---- MAP, UNMAP and COPY: their own geometry ---- */

/* Each row fails; afterwards nothing is mapped that was not before. */
CT_TEST(map_arguments, "ABI-037")
{
	enum { FIXED = IOMMU_IOAS_MAP_FIXED_IOVA, R = IOMMU_IOAS_MAP_READABLE };
	struct scene s;
	u64 bytes;

	scene_open(&s, .leaves = 8);
	x(ct_unmap(s.ioas, s.iova, s.length, NULL));
	x(ct_map(s.ioas, s.mem, s.page, s.iova));

	const u64 p = s.page;
	const struct {
		const char *what;
		u32 flags;
		u64 va, length, iova;
		int err;
	} rows[] = {
		{ "no permission", FIXED, (u64)s.mem, p, s.iova + p, EINVAL },
		{ "length 0", FIXED | R, (u64)s.mem, 0, s.iova + p, EINVAL },
		{ "length 1", FIXED | R, (u64)s.mem, 1, s.iova + p, EINVAL },
		{ "iova off", FIXED | R, (u64)s.mem, p, s.iova + p + 1, EINVAL },
		{ "va off", FIXED | R, (u64)s.mem + 1, p, s.iova + p, EINVAL },
		{ "taken", FIXED | R, (u64)s.mem, p, s.iova, EEXIST },
		{ "partly taken", FIXED | R, (u64)s.mem, 2 * p, s.iova - p, EEXIST },
		{ "wrap", FIXED | R, (u64)s.mem, 2 * p, -p, EOVERFLOW },
		{ "length all ones", FIXED | R, (u64)s.mem, UINT64_MAX, s.iova, EOVERFLOW },
		{ "iova all ones", FIXED | R, (u64)s.mem, p, UINT64_MAX, EOVERFLOW },
		{ "not memory", FIXED | R, 0, p, s.iova + p, EFAULT },
	};

	for (size_t i = 0; i < N(rows); i++) {
		u64 iova = rows[i].iova;
		int ret = ct_map_flags(s.ioas, rows[i].flags, (void *)rows[i].va, rows[i].length,
				       &iova);

		ct_check(ret == -rows[i].err, "%s: expected %s, got %s", rows[i].what,
			 ct_errno_name(rows[i].err), ct_errno_name(ret));
	}
	x(ct_unmap(s.ioas, 0, UINT64_MAX, &bytes));
	ct_check(bytes == p, "%llu bytes were mapped, not one page", (unsigned long long)bytes);
}

/* The same for UNMAP and COPY. */
CT_TEST(unmap_copy_arguments, "ABI-038")
{
	enum { FIXED = IOMMU_IOAS_MAP_FIXED_IOVA, R = IOMMU_IOAS_MAP_READABLE };
	const u32 w = IOMMU_IOAS_MAP_WRITEABLE;
	struct scene s;
	u64 ro, bytes;
	u32 dst;

	scene_open(&s, .leaves = 8);
	x(ct_ioas_alloc(&dst));
	ro = s.iova + s.length;
	x(ct_map_flags(s.ioas, FIXED | R, s.mem, s.page, &ro));

	const u64 p = s.page;
	const struct {
		u64 iova, length;
		int err;
	} unmaps[] = {
		{ s.iova, 0, EINVAL },
		{ s.iova, UINT64_MAX, EOVERFLOW },
		{ -p, 2 * p, EOVERFLOW },
		{ s.iova, s.length - p, ENOENT },
		{ s.iova + p, s.length - p, ENOENT },
		{ ro + p, p, ENOENT },
	};
	const struct {
		u64 src, length, dst;
		u32 flags;
		int err;
	} copies[] = {
		{ s.iova, 0, s.iova, FIXED | R, EINVAL },
		{ s.iova, p, s.iova, FIXED, EINVAL },
		{ ro + p, p, s.iova, FIXED | R, ENOENT },
		{ ro, 2 * p, s.iova, FIXED | R, ENOENT },
		{ ro, p, s.iova, FIXED | R | w, EPERM },
		{ s.iova, UINT64_MAX, s.iova, FIXED | R, EOVERFLOW },
	};

	for (size_t i = 0; i < N(unmaps); i++) {
		int ret = ct_unmap(s.ioas, unmaps[i].iova, unmaps[i].length, NULL);

		ct_check(ret == -unmaps[i].err, "UNMAP %zu: expected %s, got %s", i,
			 ct_errno_name(unmaps[i].err), ct_errno_name(ret));
	}
	for (size_t i = 0; i < N(copies); i++) {
		int ret = ct_copy(dst, copies[i].dst, s.ioas, copies[i].src, copies[i].length,
				  copies[i].flags);

		ct_check(ret == -copies[i].err, "COPY %zu: expected %s, got %s", i,
			 ct_errno_name(copies[i].err), ct_errno_name(ret));
	}
	x(ct_unmap(dst, 0, UINT64_MAX, &bytes));
	ct_check(bytes == 0, "a failed copy left %llu bytes", (unsigned long long)bytes);
	scene_write(&s, 0, 1);
	scene_expect(&s, 0, s.length, s.granule);
}

/* ---- VFIO_IOAS ---- */

static int vfio_ioas(u16 op, u32 *ioas)
{
	struct iommu_vfio_ioas cmd = { .size = sizeof(cmd), .op = op, .ioas_id = *ioas };
	int ret = ct_ioctl(IOMMU_VFIO_IOAS, &cmd);

	*ioas = cmd.ioas_id;
	return ret;
}

/* The compatibility IOAS was destroyed: no other takes its place by its id. */
CT_TEST(vfio_ioas_destroyed, "ABI-040")
{
	u32 first, second, id = 0;
	int ret;

	x(ct_ioas_alloc(&first));
	ret = vfio_ioas(IOMMU_VFIO_IOAS_SET, &first);
	if (ret == -ENOTTY || ret == -EOPNOTSUPP)
		ct_skip("IOMMU_VFIO_IOAS is not known here");
	x(ret);
	x(vfio_ioas(IOMMU_VFIO_IOAS_GET, &id));
	ct_check(id == first, "SET %u, GET says %u", first, id);
	x(ct_destroy(first));
	x_err(ENODEV, vfio_ioas(IOMMU_VFIO_IOAS_GET, &id));
	x(ct_ioas_alloc(&second));
	ct_note("the IOAS destroyed was %u, the new one is %u", first, second);
	x_err(ENODEV, vfio_ioas(IOMMU_VFIO_IOAS_GET, &id));
	/* A new one can be set, and is another matter than the destroyed one. */
	x(vfio_ioas(IOMMU_VFIO_IOAS_SET, &second));
	x(vfio_ioas(IOMMU_VFIO_IOAS_GET, &id));
	ct_check(id == second, "SET %u, GET says %u", second, id);
}
