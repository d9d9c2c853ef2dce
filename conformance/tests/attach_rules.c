/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ATTACH: what an attach is refused for, how long what it holds lives,
 * and the ranges that a device takes out of an IOAS. Whatever is refused changes
 * nothing: the device keeps what it had, tracked or not.
 */
#include "attach.h"

/* ---- refusals ---- */

CT_TEST(attach_twice, "ATTACH-012", .scope = CT_EACH_FORMAT)
{
	struct scene a, b;

	scene_open(&a);
	b = second_hwpt(&a, 0);
	x(ct_set_tracking(b.hwpt, true));
	scene_write(&a, 0, 1);
	x_err(EBUSY, ct_attach(a.dev, 0, a.hwpt));
	x_err(EBUSY, ct_attach(a.dev, 0, b.hwpt));
	x_err(EBUSY, ct_attach(a.dev, 0, a.ioas));
	scene_write(&a, 2 * a.leaf, 1);
	expect_all(&a);
	expect_all(&b);
	/* One detach undoes it, however often it was tried. */
	x(ct_detach(a.dev, 0));
	expect_fault(&a, a.dev, 0);
	x(ct_destroy(b.hwpt));
}

CT_TEST(replace_unattached, "ATTACH-012", .scope = CT_EACH_FORMAT)
{
	struct scene s;

	scene_open(&s, .no_attach = true);
	x_err(EINVAL, ct_replace(s.dev, 0, s.hwpt));
	x_err(EINVAL, ct_replace(s.dev, 0, s.ioas));
	expect_fault(&s, s.dev, 0);
	x(ct_attach(s.dev, 0, s.hwpt));
	x(ct_detach(s.dev, 0));
	x_err(EINVAL, ct_replace(s.dev, 0, s.hwpt));
	x(ct_destroy(s.hwpt));
}

/* To detach what is not attached is no error, and undoes nothing. */
CT_TEST(detach_unattached, "ATTACH-012", .scope = CT_EACH_FORMAT)
{
	struct scene s;
	u32 dev;

	scene_open(&s);
	x(ct_plug(0, &dev));
	x(ct_detach(dev, 0));
	scene_write(&s, 0, 1);
	expect_all(&s);
	x(ct_detach(s.dev, 0));
	x(ct_detach(s.dev, 0));
	x(ct_attach(s.dev, 0, s.hwpt));
	scene_write(&s, 0, 1);
	expect_all(&s);
}

CT_TEST(attach_to_nothing, "ATTACH-012", .scope = CT_EACH_FORMAT)
{
	struct scene s;
	u32 dev;

	scene_open(&s);
	x(ct_plug(0, &dev));
	x_err(ENOENT, ct_attach(dev, 0, 0));
	x_err(ENOENT, ct_attach(dev, 0, 0x7fffffff));
	x_err(EINVAL, ct_attach(dev, 0, s.dev));
	scene_write(&s, 0, 1);
	x_err(ENOENT, ct_replace(s.dev, 0, 0x7fffffff));
	x_err(EINVAL, ct_replace(s.dev, 0, dev));
	scene_write(&s, s.leaf, 1);
	expect_all(&s);
}

/* Ids are of one space: all low ones that the scene does not know are tried, and so
 * those of objects whose ids are nobody's to see. */
CT_TEST(attach_to_others, "ATTACH-012", .scope = CT_EACH_FORMAT)
{
	struct iommu_test_cmd access = {
		.size = sizeof(access),
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
	};
	struct iodirty_stream_start stream = { .length = 8, .stride = 8, .count = 1 };
	struct scene s;
	u32 dev;

	scene_open(&s);
	x(ct_plug(0, &dev));
	access.id = s.ioas;
	if (ct.t->caps & TARGET_ACCESS)
		x(ct_ioctl(IOMMU_TEST_CMD, &access));
	/* It faults: the device is attached to nothing. */
	stream.dev_id = dev;
	stream.iova = s.iova;
	if (ct.t->caps & TARGET_STREAM)
		x(ct.t->driver->stream_start(ct.t, &stream));
	x_err(EINVAL, ct_attach(dev, 0, dev));
	x_err(EINVAL, ct_replace(s.dev, 0, s.dev));
	for (u32 id = 1; id < 64; id++) {
		int ret = id == s.ioas || id == s.hwpt ? -EINVAL : ct_attach(dev, 0, id);

		ct_check(ret == -EINVAL || ret == -ENOENT, "attach to id %u: %s", id,
			 ct_errno_name(ret));
		ret = id == s.ioas || id == s.hwpt ? -EINVAL : ct_replace(s.dev, 0, id);
		ct_check(ret == -EINVAL || ret == -ENOENT, "replace by id %u: %s", id,
			 ct_errno_name(ret));
	}
	expect_fault(&s, dev, 0);
	scene_write(&s, s.leaf, 1);
	expect_all(&s);
}

/* The first format of the target that is not this configuration's. */
static struct iodirty_format_info other_format(void)
{
	struct iodirty_format_info f;

	for (unsigned int i = 0; !ct.t->driver->format(ct.t, i, &f); i++)
		if (strcmp(f.name, ct.config.format.name) && !(f.flags & IODIRTY_FORMAT_VARIANT) &&
		    !(ct.config.format.flags & IODIRTY_FORMAT_VARIANT))
			return f;
	ct_skip("the target has no IOMMU that reads other tables");
}

/* A table is of use only to hardware that reads its format. */
CT_TEST(attach_other_format, "ATTACH-013", .scope = CT_EACH_FORMAT)
{
	struct iodirty_format_info f = other_format();
	struct iodirty_plug plug = { 0 };
	struct scene s;

	scene_open(&s);
	memcpy(plug.format, f.name, sizeof(plug.format));
	x(ct.t->driver->plug(ct.t, &plug));
	x_err(EINVAL, ct_attach(plug.out_dev_id, 0, s.hwpt));
	x(ct_set_tracking(s.hwpt, false));
	x_err(EINVAL, ct_attach(plug.out_dev_id, 0, s.hwpt));
	x(ct_set_tracking(s.hwpt, true));
	expect_fault(&s, plug.out_dev_id, 0);
	scene_write(&s, s.leaf, 1);
	expect_all(&s);
}

/* ---- reserved ranges ---- */

/* A device that claims @length bytes from @offset of the scene for itself. */
static u32 plug_reserving(const struct scene *s, u64 offset, u64 length)
{
	struct iodirty_plug plug = { .resv_start = s->iova + offset, .resv_length = length };

	memcpy(plug.format, ct.config.format.name, sizeof(plug.format));
	x(ct.t->driver->plug(ct.t, &plug));
	return plug.out_dev_id;
}

/* Its range collides with a mapping: it does not get in, and leaves no trace. */
CT_TEST(reserved_collides, "ATTACH-014", .scope = CT_EACH_FORMAT, .needs = TARGET_RESERVED)
{
	struct scene s, other;
	u32 dev;

	scene_open(&s);
	scene_write(&s, 0, 1);
	/* The last page that is mapped, and one beyond. */
	dev = plug_reserving(&s, s.length - s.page, 2 * s.page);
	x_err(EADDRINUSE, ct_attach(dev, 0, s.hwpt));
	x_err(EADDRINUSE, ct_attach(dev, 0, s.ioas));
	expect_fault(&s, dev, 0);
	x(ct_map(s.ioas, s.mem, s.page, s.iova + s.length));
	scene_write(&s, s.leaf, 1);
	expect_all(&s);

	/* Nor by replace: it keeps its table in the IOAS where nothing collides. */
	other = second_hwpt(&s, 0);
	x(ct_ioas_alloc(&other.ioas));
	x(ct_hwpt_alloc(dev, other.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &other.hwpt));
	x(ct_set_tracking(other.hwpt, true));
	x(ct_map(other.ioas, other.mem, other.page, other.iova));
	x(ct_attach(dev, 0, other.hwpt));
	x_err(EADDRINUSE, ct_replace(dev, 0, s.hwpt));
	other.dev = dev;
	scene_write(&other, 0, 1);
	expect_all(&s);
	scene_expect(&other, 0, other.page, other.granule);
	x_err(EINVAL, ct_map(other.ioas, other.mem, other.page, other.iova + other.length));
}

/* While it is attached nothing can be mapped there; afterwards it can. */
CT_TEST(reserved_while_attached, "ATTACH-014", .scope = CT_EACH_FORMAT, .needs = TARGET_RESERVED)
{
	struct scene s;
	u32 dev;

	scene_open(&s);
	scene_write(&s, 0, 1);
	dev = plug_reserving(&s, s.length + s.page, s.page);
	x(ct_map(s.ioas, s.mem, s.page, s.iova + s.length + s.page));
	x(ct_unmap(s.ioas, s.iova + s.length + s.page, s.page, NULL));
	x(ct_attach(dev, 0, s.hwpt));
	x_err(EINVAL, ct_map(s.ioas, s.mem, s.page, s.iova + s.length + s.page));
	x_err(EINVAL, ct_map(s.ioas, s.mem, 2 * s.page, s.iova + s.length));
	x(ct_map(s.ioas, s.mem, s.page, s.iova + s.length));
	x(ct_map(s.ioas, s.mem, s.page, s.iova + s.length + 2 * s.page));
	expect_all(&s);

	x(ct_detach(dev, 0));
	x(ct_map(s.ioas, s.mem, s.page, s.iova + s.length + s.page));
	scene_write(&s, s.leaf, 1);
	expect_all(&s);
	x_err(EADDRINUSE, ct_attach(dev, 0, s.hwpt));
}

/* A replace to another IOAS takes the range along. */
CT_TEST(reserved_moves, "ATTACH-014", .scope = CT_EACH_FORMAT, .needs = TARGET_RESERVED)
{
	struct scene s;
	u32 dev, ioas;
	u64 range;

	scene_open(&s);
	second_ioas(&s, &ioas);
	range = s.iova + s.length;
	dev = plug_reserving(&s, s.length, s.page);
	x(ct_attach(dev, 0, s.hwpt));
	x_err(EINVAL, ct_map(s.ioas, s.mem, s.page, range));
	x(ct_replace(dev, 0, ioas));
	x(ct_map(s.ioas, s.mem, s.page, range));
	x_err(EINVAL, ct_map(ioas, s.mem, s.page, range));
	x(ct_detach(dev, 0));
	x(ct_map(ioas, s.mem, s.page, range));
}

/* ---- lifetimes ---- */

/* What a device translates through cannot be destroyed, nor what that is over. */
CT_TEST(destroy_attached, "ATTACH-015", .scope = CT_EACH_FORMAT)
{
	struct scene s;

	scene_open(&s);
	scene_write(&s, 0, 1);
	x_err(EBUSY, ct_destroy(s.hwpt));
	x_err(EBUSY, ct_destroy(s.ioas));
	x_err(EBUSY, ct_destroy(s.dev));
	scene_write(&s, s.leaf, 1);
	expect_all(&s);
	x(ct_detach(s.dev, 0));
	x_err(EBUSY, ct_destroy(s.dev));
	x_err(EBUSY, ct_destroy(s.ioas));
	x(ct_destroy(s.hwpt));
	x_err(ENOENT, ct_set_tracking(s.hwpt, true));
	x_err(ENOENT, ct_attach(s.dev, 0, s.hwpt));
	x(ct_destroy(s.ioas));
}

/* A table that came by itself goes by itself, with its last device; one that was
 * asked for stays. */
CT_TEST(automatic_goes_with_last, "ATTACH-016", .scope = CT_EACH_FORMAT)
{
	struct scene s, second;
	u32 first_auto, second_auto;

	scene_open(&s, .no_attach = true);
	second = second_device(&s, 0);
	x(ct_attach_out(s.dev, 0, s.ioas, &first_auto));
	x(ct_attach_out(second.dev, 0, s.ioas, &second_auto));
	ct_check(first_auto != s.hwpt && second_auto != s.hwpt,
		 "attached to an IOAS, a device joined the dirty HWPT %u", s.hwpt);
	x_err(EBUSY, ct_destroy(second_auto));
	x_err(EOPNOTSUPP, ct_set_tracking(first_auto, true));
	x(ct_detach(s.dev, 0));
	x_err(EOPNOTSUPP, ct_set_tracking(second_auto, true));
	/* Replaced away, as good as detached. */
	x(ct_replace(second.dev, 0, s.hwpt));
	x_err(ENOENT, ct_set_tracking(first_auto, true));
	x_err(ENOENT, ct_set_tracking(second_auto, true));
	scene_write(&second, 0, 1);
	expect_all(&s);
	x(ct_detach(second.dev, 0));
	expect_all(&s);
	x(ct_destroy(s.hwpt));
	x(ct_destroy(s.ioas));
}

/* A refused attach by IOAS leaves no automatic table behind. */
CT_TEST(automatic_not_left_behind, "ATTACH-016", .scope = CT_EACH_FORMAT, .needs = TARGET_RESERVED)
{
	struct scene s;
	u32 dev;

	scene_open(&s, .no_attach = true);
	dev = plug_reserving(&s, 0, s.page);
	x_err(EADDRINUSE, ct_attach(dev, 0, s.ioas));
	x(ct_attach(s.dev, 0, s.hwpt));
	x_err(EBUSY, ct_attach(s.dev, 0, s.ioas));
	x(ct_detach(s.dev, 0));
	x(ct_destroy(s.hwpt));
	x(ct_destroy(s.ioas));
}
