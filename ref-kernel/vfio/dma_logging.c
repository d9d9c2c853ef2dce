/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A tracker in the device: DMA_LOGGING_START, STOP, REPORT. It notes the writes of the
 * device by their IOVA, whatever PASID they carry and whatever they are translated to.
 *
 * No write is lost: it is noted before its bytes move. A report takes what is noted, and waits
 * for the writes that are under way before it returns: whoever reads a page then finds the
 * bytes of all writes that were noted in time to be in this report.
 *
 * What is noted is kept in units of 4 KiB, the least that a report may ask for, so that
 * each report takes what it reports, and nothing else, whatever the pages of the log are; in
 * larger ones, up to 2 MiB, where the ranges are so large that there is no room.
 */
#include "device.h"

#define MOST_RANGES 256 /* Linux: what fits into a page */
#define MOST_UNITS (1ULL << 27) /* in all ranges: what port_alloc() has room for */
#define UNIT_LG2 12
#define LARGEST_LG2 21
#define WINDOW_LG2 19 /* units, or bits if these are smaller, that are looked at at once */
#define WINDOW_WORDS ((1U << WINDOW_LG2) / 64 + 2)

struct range {
	u64 first, last;
	u64 *words; /* bit k % 64 of word k / 64 - (first >> unit_lg2) / 64: unit k */
};

/*
 * @entries is how many pages the device has room for until they are collected, which
 * each report does; 0: any number. When there is no room for one more it can no longer say
 * which pages were written, so all of all ranges count as written, until they have been
 * reported. The other way, a report that fails, makes a VMM give the migration up, where it has
 * only to send more.
 */
struct vfio_log {
	unsigned int page_lg2, unit_lg2;
	u64 entries, used; /* used: atomic */
	u32 num_ranges;
	struct range ranges[]; /* ascending */
};

/* ---- the notes; any number of threads ---- */

static u64 *word_of(const struct vfio_log *log, const struct range *r, u64 unit)
{
	return &r->words[unit / 64 - (r->first >> log->unit_lg2) / 64];
}

/* Of the word of unit @at, the bits of units [at, last]. */
static u64 mask_of(u64 at, u64 last)
{
	u64 mask = ~0ULL << at % 64;

	return at / 64 == last / 64 ? mask & ~0ULL >> (63 - last % 64) : mask;
}

static u64 next_word(u64 unit)
{
	return (unit | 63) + 1;
}

/* Units [at, last]: was one of them not set? */
static bool set_units(const struct vfio_log *log, const struct range *r, u64 at, u64 last)
{
	u64 fresh = 0;

	for (; at <= last; at = next_word(at)) {
		u64 mask = mask_of(at, last);

		fresh |= mask & ~port_fetch_or(word_of(log, r, at), mask);
	}
	return fresh;
}

static void set_all(const struct vfio_log *log)
{
	for (u32 i = 0; i < log->num_ranges; i++) {
		const struct range *r = &log->ranges[i];

		set_units(log, r, r->first >> log->unit_lg2, r->last >> log->unit_lg2);
	}
}

/* The page of the log that begins at @page, as far as the range has it. */
static void note_page(struct vfio_log *log, const struct range *r, u64 page)
{
	u64 last = port_min(page | ((1ULL << log->page_lg2) - 1), r->last);

	if (set_units(log, r, port_max(page, r->first) >> log->unit_lg2, last >> log->unit_lg2) &&
	    log->entries && __atomic_fetch_add(&log->used, 1, __ATOMIC_RELAXED) >= log->entries)
		set_all(log);
}

/* The first range that does not end before @iova; num_ranges: none. */
static u32 range_from(const struct vfio_log *log, u64 iova)
{
	u32 low = 0, high = log->num_ranges;

	while (low < high) {
		u32 mid = (low + high) / 2;

		if (log->ranges[mid].last < iova)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void vfio_log_note(void *data, u64 iova, u64 length)
{
	const struct vfio_device *dev = data;
	struct vfio_log *log = __atomic_load_n(&dev->log, __ATOMIC_ACQUIRE);
	u64 last = iova + (length - 1);

	if (!log || !length)
		return;
	for (u32 i = range_from(log, iova); i < log->num_ranges; i++) {
		const struct range *r = &log->ranges[i];
		u64 page = port_max(iova, r->first) >> log->page_lg2;
		u64 end = port_min(last, r->last) >> log->page_lg2;

		if (r->first > last)
			break;
		for (; page <= end; page++)
			note_page(log, r, page << log->page_lg2);
	}
}

/* From here on writes are noted in @log, NULL: nowhere; those under way are done. */
static void set_log(struct vfio_device *dev, struct vfio_log *log)
{
	port_rwsem_write(&dev->io);
	__atomic_store_n(&dev->log, log, __ATOMIC_RELEASE);
	if (dev->backing.dev)
		hw_dev_log(dev->backing.dev->hw, log ? vfio_log_note : NULL, dev);
	port_rwsem_write_end(&dev->io);
}

/* ---- START, STOP ---- */

static void log_free(struct vfio_log *log)
{
	for (u32 i = 0; i < log->num_ranges; i++)
		port_free(log->ranges[i].words);
	port_free(log);
}

void vfio_log_end(struct vfio_device *dev)
{
	struct vfio_log *log = dev->log;

	if (!log)
		return;
	set_log(dev, NULL);
	log_free(log);
}

int vfio_log_stop(struct vfio_device *dev, u64 uptr)
{
	(void)uptr;
	vfio_log_end(dev);
	return 0;
}

/* Put [iova, iova + length) at its place: -EINVAL if it is hardly a range, or not
 * apart from the others; -EOVERFLOW. */
static int add_range(struct vfio_log *log, u64 iova, u64 length, u64 page_size)
{
	u64 last = iova + (length - 1);
	u32 at;

	if ((iova | length) & (port_max(page_size, PORT_PAGE_SIZE) - 1) || !length)
		return -EINVAL;
	if (iova + length < iova)
		return -EOVERFLOW;
	at = range_from(log, iova);
	if (at < log->num_ranges && log->ranges[at].first <= last)
		return -EINVAL;
	for (u32 i = log->num_ranges++; i > at; i--)
		log->ranges[i] = log->ranges[i - 1];
	log->ranges[at] = (struct range){ .first = iova, .last = last };
	return 0;
}

static int copy_ranges(struct vfio_log *log,
		       const struct vfio_device_feature_dma_logging_control *cmd)
{
	struct vfio_device_feature_dma_logging_range range;
	int err = 0;

	for (u32 i = 0; !err && i < cmd->num_ranges; i++) {
		err = port_copy_from_user(&range, cmd->ranges + i * sizeof(range), sizeof(range));
		if (!err)
			err = add_range(log, range.iova, range.length, cmd->page_size);
	}
	return err;
}

static u64 units(const struct vfio_log *log)
{
	u64 n = 0;

	for (u32 i = 0; i < log->num_ranges; i++)
		n += (log->ranges[i].last >> log->unit_lg2) -
		     (log->ranges[i].first >> log->unit_lg2) + 1;
	return n;
}

/*
 * The page size is what is wished for, but no less than 4 KiB, no more than 2 MiB, and
 * no less than a unit. -E2BIG: more than there is room for.
 */
static int choose_sizes(struct vfio_log *log, u64 page_size)
{
	log->unit_lg2 = UNIT_LG2;
	while (units(log) > MOST_UNITS)
		if (++log->unit_lg2 > LARGEST_LG2)
			return -E2BIG;
	log->page_lg2 =
		(unsigned int)port_min(port_max(port_ctz(page_size), log->unit_lg2), LARGEST_LG2);
	return 0;
}

static int alloc_words(struct vfio_log *log)
{
	for (u32 i = 0; i < log->num_ranges; i++) {
		struct range *r = &log->ranges[i];
		u64 words = (r->last >> log->unit_lg2) / 64 - (r->first >> log->unit_lg2) / 64 + 1;

		r->words = port_alloc(words * sizeof(u64));
		if (!r->words)
			return -ENOMEM;
	}
	return 0;
}

int vfio_log_start(struct vfio_device *dev, u64 uptr)
{
	struct vfio_device_feature_dma_logging_control cmd;
	struct vfio_log *log;
	int err = port_copy_from_user(&cmd, uptr, sizeof(cmd));

	if (err)
		return err;
	if (!cmd.num_ranges || cmd.__reserved || !port_is_pow2(cmd.page_size))
		return -EINVAL;
	if (cmd.num_ranges > MOST_RANGES)
		return -E2BIG;
	log = port_alloc(sizeof(*log) + cmd.num_ranges * sizeof(log->ranges[0]));
	if (!log)
		return -ENOMEM;
	log->entries = dev->plug.log_entries;
	err = copy_ranges(log, &cmd);
	if (!err && dev->log)
		err = -EINVAL;
	if (!err)
		err = choose_sizes(log, cmd.page_size);
	if (!err)
		err = alloc_words(log);
	cmd.page_size = 1ULL << log->page_lg2;
	/* Told before it begins: then there is nothing to undo. */
	if (!err)
		err = port_copy_to_user(uptr, &cmd, sizeof(cmd));
	if (err)
		log_free(log);
	else
		set_log(dev, log);
	return err;
}

/* ---- REPORT ---- */

/* Is all of [first, last] in the ranges? */
static bool covered(const struct vfio_log *log, u64 first, u64 last)
{
	for (u32 i = range_from(log, first); i < log->num_ranges; i++) {
		const struct range *r = &log->ranges[i];

		if (r->first > first)
			return false;
		if (r->last >= last)
			return true;
		first = r->last + 1;
	}
	return false;
}

/* Is @iova, where a report begins or before which it ends, amid a unit of a range? */
static bool cuts_unit(const struct vfio_log *log, u64 iova)
{
	u32 i = range_from(log, iova);

	return iova & ((1ULL << log->unit_lg2) - 1) && i < log->num_ranges &&
	       log->ranges[i].first < iova;
}

struct report {
	struct vfio_log *log;
	struct vfio_device_feature_dma_logging_report cmd;
	u64 *taken; /* units, laid out as in a range whose first is the window's */
	u64 *bits; /* what they are to the caller */
};

/* Units of [first, last] that are noted no longer, but in r->taken; or, back. */
static bool move_units(struct report *r, u64 first, u64 last, bool back)
{
	struct vfio_log *log = r->log;
	const struct range window = { .first = first, .words = r->taken };
	u64 any = 0;

	for (u32 i = range_from(log, first); i < log->num_ranges; i++) {
		const struct range *range = &log->ranges[i];
		u64 at = port_max(first, range->first) >> log->unit_lg2;
		u64 end = port_min(last, range->last) >> log->unit_lg2;

		if (range->first > last)
			break;
		for (; at <= end; at = next_word(at)) {
			u64 *noted = word_of(log, range, at), *taken = word_of(log, &window, at);
			u64 mask = mask_of(at, end);

			if (back)
				port_fetch_or(noted, *taken & mask);
			else if (port_load(noted) & mask)
				any |= *taken |= port_fetch_and(noted, ~mask) & mask;
		}
	}
	return any;
}

/* What was taken of [first, last], as the caller's bits from that of @b on. */
static void format(struct report *r, struct pgt_bits *b, u64 first, u64 last)
{
	unsigned int lg2 = r->log->unit_lg2;
	u64 at = first >> lg2, base = at / 64;

	for (; at <= last >> lg2; at = next_word(at))
		for (u64 word = r->taken[at / 64 - base]; word; word &= word - 1) {
			u64 unit = (at & ~63ULL) + port_ctz(word);

			pgt_bits_set(b, unit << lg2, (unit << lg2) | ((1ULL << lg2) - 1));
		}
}

/* [first, last] of the request: the bitmap is known to be writable before a note is
 * taken, and what could not be delivered is noted again. */
static int report_window(struct report *r, u64 first, u64 last)
{
	unsigned int lg2 = port_ctz(r->cmd.page_size);
	u64 byte = (first - r->cmd.iova) >> lg2 >> 3;
	size_t bytes = ((last - r->cmd.iova) >> lg2 >> 3) - byte + 1;
	struct port_window window;
	struct pgt_bits b;
	int err = port_window_pin(&window, r->cmd.bitmap + byte, bytes);

	if (err)
		return err;
	memset(r->taken, 0, WINDOW_WORDS * sizeof(u64));
	if (move_units(r, first, last, false)) {
		pgt_bits_init(&b, r->cmd.iova + (byte << 3 << lg2), last, lg2, r->bits);
		format(r, &b, first, last);
		err = port_window_or(&window, 0, (const u8 *)r->bits, bytes);
	}
	if (err)
		move_units(r, first, last, true);
	port_window_unpin(&window);
	return err;
}

static int report(struct report *r)
{
	unsigned int lg2 = port_min(r->log->unit_lg2, port_ctz(r->cmd.page_size));
	u64 most = (1ULL << (WINDOW_LG2 + lg2)) - 1, first = r->cmd.iova, last;
	u64 end = first + (r->cmd.length - 1);
	int err = -ENOMEM;

	r->taken = port_alloc(WINDOW_WORDS * sizeof(u64));
	r->bits = port_alloc(WINDOW_WORDS * sizeof(u64));
	if (r->taken && r->bits) {
		/* The device's room is free again. */
		__atomic_store_n(&r->log->used, 0, __ATOMIC_RELAXED);
		do {
			last = first + port_min(end - first, most);
			last = port_min(end, last | ((1ULL << r->log->unit_lg2) - 1));
			err = report_window(r, first, last);
			first = last + 1;
		} while (!err && last != end);
	}
	port_free(r->bits);
	port_free(r->taken);
	return err;
}

/* What is outside of the ranges was not noted, so nobody may be told that it is clean: as
 * all that cannot be answered well it is -EINVAL, before a note is taken. */
int vfio_log_report(struct vfio_device *dev, u64 uptr)
{
	struct report r = { .log = dev->log };
	int err = port_copy_from_user(&r.cmd, uptr, sizeof(r.cmd));
	u64 end = r.cmd.iova + r.cmd.length;

	if (err)
		return err;
	if (r.cmd.page_size < PORT_PAGE_SIZE || !port_is_pow2(r.cmd.page_size))
		return -EINVAL;
	if (end < r.cmd.iova)
		return -EOVERFLOW;
	if (!r.cmd.length || (r.cmd.iova | end) & (r.cmd.page_size - 1) || !r.log ||
	    !covered(r.log, r.cmd.iova, end - 1) || cuts_unit(r.log, r.cmd.iova) ||
	    cuts_unit(r.log, end))
		return -EINVAL;
	err = report(&r);
	set_log(dev, r.log);
	return err;
}
