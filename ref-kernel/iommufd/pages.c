/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The memory behind a mapping: where it comes from, when it is pinned, and to
 * whose limit it counts. Pins follow use: nothing is pinned while an IOAS has
 * neither a HWPT nor an access that asks for pages.
 */
#include "core.h"

#define CHUNK_PAGES 512

/* How many accesses pin each page of a stretch; made when the first one does. */
struct pin_chunk {
	struct port_node node; /* key: index of the first page */
	u16 users[CHUNK_PAGES];
};

/* Every iopages there is, of any descriptor. */
static struct port_mutex registry_lock = PORT_MUTEX_INIT(registry_lock); /* outside pages->lock */
static struct iopages *registry;

static void register_pages(struct iopages *pages)
{
	port_mutex_lock(&registry_lock);
	pages->next = registry;
	pages->at = &registry;
	if (pages->next)
		pages->next->at = &pages->next;
	registry = pages;
	port_mutex_unlock(&registry_lock);
}

static void unregister_pages(struct iopages *pages)
{
	port_mutex_lock(&registry_lock);
	*pages->at = pages->next;
	if (pages->next)
		pages->next->at = pages->at;
	port_mutex_unlock(&registry_lock);
}

static struct iopages *iopages_new(struct iommufd_ctx *ctx, u64 start, u64 length, bool writable)
{
	struct iopages *pages = port_alloc(sizeof(*pages));

	if (!pages)
		return NULL;
	pages->ctx = ctx;
	pages->users = 1;
	pages->base = start & ~(PORT_PAGE_SIZE - 1);
	pages->skip = start & (PORT_PAGE_SIZE - 1);
	/* start + length does not wrap: the callers have seen to it. */
	pages->npages = ((start + length - 1) >> PORT_PAGE_LG2) - (start >> PORT_PAGE_LG2) + 1;
	pages->writable = writable;
	port_mutex_init(&pages->lock);
	port_map_init(&pages->access_chunks);
	return pages;
}

struct iopages *iopages_from_user(struct iommufd_ctx *ctx, u64 uaddr, u64 length, bool writable,
				  int *err)
{
	struct iopages *pages;

	*err = -EINVAL;
	if (!length)
		return NULL;
	*err = -EOVERFLOW;
	if (uaddr + length - 1 < uaddr)
		return NULL;
	*err = -ENOMEM;
	pages = iopages_new(ctx, uaddr, length, writable);
	if (!pages)
		return NULL;
	pages->mm = port_mm_get();
	register_pages(pages);
	return pages;
}

struct iopages *iopages_from_file(struct iommufd_ctx *ctx, int fd, u64 start, u64 length,
				  bool writable, int *err)
{
	struct iopages *pages;
	struct port_file *file;

	*err = -EINVAL;
	if (!length)
		return NULL;
	*err = -EOVERFLOW;
	if (start + length - 1 < start)
		return NULL;
	file = port_file_get(fd, err);
	if (!file)
		return NULL;
	*err = -EINVAL;
	if (start + length - 1 >= port_file_size(file))
		goto put_file;
	*err = -ENOMEM;
	pages = iopages_new(ctx, start, length, writable);
	if (!pages)
		goto put_file;
	pages->file = file;
	register_pages(pages);
	return pages;

put_file:
	port_file_put(file);
	return NULL;
}

void iopages_hold(struct iopages *pages)
{
	port_mutex_lock(&pages->ctx->lock);
	pages->users++;
	port_mutex_unlock(&pages->ctx->lock);
}

void iopages_put(struct iopages *pages)
{
	struct port_node *node;
	bool last;

	port_mutex_lock(&pages->ctx->lock);
	last = --pages->users == 0;
	port_mutex_unlock(&pages->ctx->lock);
	if (!last)
		return;
	unregister_pages(pages);
	if (pages->file)
		port_file_put(pages->file);
	else
		port_mm_put(pages->mm);
	while ((node = port_map_ceil(&pages->access_chunks, 0))) {
		port_map_erase(&pages->access_chunks, node);
		port_free(port_container(node, struct pin_chunk, node));
	}
	port_mutex_destroy(&pages->lock);
	port_free(pages);
}

/* Count @n more pinned pages to the limit. */
static int charge(struct iommufd_ctx *ctx, u64 n)
{
	int err = 0;

	port_mutex_lock(&ctx->lock);
	/* A limit lowered since does not matter to what needs no more. */
	if (n && ctx->locked_pages + n > ctx->memlock_limit >> PORT_PAGE_LG2)
		err = -ENOMEM;
	else
		ctx->locked_pages += n;
	port_mutex_unlock(&ctx->lock);
	return err;
}

static void uncharge(struct iommufd_ctx *ctx, u64 n)
{
	port_mutex_lock(&ctx->lock);
	ctx->locked_pages -= n;
	port_mutex_unlock(&ctx->lock);
}

/* No accounting. */
static int pin_range(struct iopages *pages, u64 index, u64 n, struct port_pin *pin, bool write)
{
	u64 at = pages->base + (index << PORT_PAGE_LG2);

	if (pages->file)
		return port_pin_file(pin, pages->file, at, n, write);
	return port_pin(pin, pages->mm, at, n, write);
}

int iopages_pin_domain(struct iopages *pages)
{
	u64 unaccounted;
	int err = 0;

	port_mutex_lock(&pages->lock);
	if (pages->domain_users)
		goto out;
	unaccounted = pages->npages - pages->access_pages;
	err = charge(pages->ctx, unaccounted);
	if (err)
		goto unlock;
	err = pin_range(pages, 0, pages->npages, &pages->pin, pages->writable);
	if (err) {
		uncharge(pages->ctx, unaccounted);
		goto unlock;
	}
out:
	pages->domain_users++;
unlock:
	port_mutex_unlock(&pages->lock);
	return err;
}

void iopages_share_domain_pin(struct iopages *pages)
{
	port_mutex_lock(&pages->lock);
	pages->domain_users++;
	port_mutex_unlock(&pages->lock);
}

void iopages_unpin_domain(struct iopages *pages)
{
	port_mutex_lock(&pages->lock);
	if (--pages->domain_users == 0) {
		port_unpin(&pages->pin);
		uncharge(pages->ctx, pages->npages - pages->access_pages);
	}
	port_mutex_unlock(&pages->lock);
}

u64 iopages_run(struct iopages *pages, u64 offset, u64 max, u64 *phys)
{
	u64 at = pages->skip + offset, in_page = at & (PORT_PAGE_SIZE - 1);
	u64 wanted = (in_page + max + PORT_PAGE_SIZE - 1) >> PORT_PAGE_LG2;
	u64 run = port_pin_run(&pages->pin, at >> PORT_PAGE_LG2, wanted, phys);

	*phys += in_page;
	return port_min((run << PORT_PAGE_LG2) - in_page, max);
}

/* pages->lock held, as in all below. */
static struct pin_chunk *find_chunk(struct iopages *pages, u64 index)
{
	struct port_node *node = port_map_floor(&pages->access_chunks, index);

	return node && index - node->key < CHUNK_PAGES ?
		       port_container(node, struct pin_chunk, node) :
		       NULL;
}

/* Make sure that each page of [index, index + n) has a count. */
static int make_chunks(struct iopages *pages, u64 index, u64 n)
{
	for (u64 at = index - index % CHUNK_PAGES; at < index + n; at += CHUNK_PAGES) {
		struct pin_chunk *chunk;

		if (find_chunk(pages, at))
			continue;
		chunk = port_alloc(sizeof(*chunk));
		if (!chunk)
			return -ENOMEM;
		chunk->node.key = at;
		port_map_insert(&pages->access_chunks, &chunk->node);
	}
	return 0;
}

static u16 *users_of(struct iopages *pages, u64 index)
{
	return &find_chunk(pages, index)->users[index % CHUNK_PAGES];
}

/* Pages of [index, index + n) that no access holds. */
static u64 unheld(struct iopages *pages, u64 index, u64 n)
{
	u64 count = 0;

	for (u64 i = index; i < index + n; i++)
		count += *users_of(pages, i) == 0;
	return count;
}

int iopages_pin_access(struct iopages *pages, u64 index, u64 n, struct port_pin *pin, bool write)
{
	u64 first_held, to_charge = 0;
	int err;

	port_mutex_lock(&pages->lock);
	err = make_chunks(pages, index, n);
	if (err)
		goto unlock;
	err = -ENOMEM;
	for (u64 i = index; i < index + n; i++)
		if (*users_of(pages, i) == UINT16_MAX)
			goto unlock;
	first_held = unheld(pages, index, n);
	if (!pages->domain_users)
		to_charge = first_held;
	err = charge(pages->ctx, to_charge);
	if (err)
		goto unlock;
	err = pin_range(pages, index, n, pin, write);
	if (err) {
		uncharge(pages->ctx, to_charge);
		goto unlock;
	}
	for (u64 i = index; i < index + n; i++)
		++*users_of(pages, i);
	pages->access_pages += first_held;
unlock:
	port_mutex_unlock(&pages->lock);
	return err;
}

void iopages_unpin_access(struct iopages *pages, u64 index, u64 n, struct port_pin *pin)
{
	u64 last_held;

	port_mutex_lock(&pages->lock);
	port_unpin(pin);
	for (u64 i = index; i < index + n; i++)
		--*users_of(pages, i);
	last_held = unheld(pages, index, n);
	pages->access_pages -= last_held;
	if (!pages->domain_users)
		uncharge(pages->ctx, last_held);
	port_mutex_unlock(&pages->lock);
}

int iopages_rw(struct iopages *pages, u64 offset, void *buf, u64 length, bool write)
{
	u64 at = pages->skip + offset;
	u8 *bytes = buf;

	/* A page at a time: the pin is short, so it is not accounted. */
	while (length) {
		u64 in_page = at & (PORT_PAGE_SIZE - 1), phys;
		u64 n = port_min(length, PORT_PAGE_SIZE - in_page);
		struct port_pin pin;
		int err = pin_range(pages, at >> PORT_PAGE_LG2, 1, &pin, write);

		if (err)
			return err;
		port_pin_run(&pin, 0, 1, &phys);
		err = write ? port_phys_write(phys + in_page, bytes, n) :
			      port_phys_read(phys + in_page, bytes, n);
		port_unpin(&pin);
		if (err)
			return err;
		bytes += n;
		at += n;
		length -= n;
	}
	return 0;
}

/* ---- which page is it, and who holds it ---- */

static int page_identify(struct page_run *run, u64 phys, struct port_page_id *id)
{
	u64 page = phys & ~(PORT_PAGE_SIZE - 1);

	if ((page - run->phys) >> PORT_PAGE_LG2 >= run->npages) {
		int err = port_page_identify(page, UINT64_MAX, &run->id, &run->npages);

		if (err) {
			run->npages = 0;
			return err;
		}
		run->phys = page;
	}
	*id = run->id;
	id->index += (page - run->phys) >> PORT_PAGE_LG2;
	return 0;
}

bool page_is_same(struct page_run *run_a, u64 a, struct page_run *run_b, u64 b)
{
	struct port_page_id id_a, id_b;

	if ((a ^ b) & (PORT_PAGE_SIZE - 1) || page_identify(run_a, a, &id_a) ||
	    page_identify(run_b, b, &id_b))
		return false;
	return id_a.space == id_b.space && id_a.object == id_b.object && id_a.index == id_b.index;
}

/* Pages of the caller that follow one another in one object. */
struct counted {
	struct port_page_id id; /* of the first */
	u64 n;
	u32 *refs;
};

/* Count those among @npages pages of @pin. */
static void count_pin(const struct counted *c, const struct port_pin *pin, u64 npages)
{
	struct port_page_id id;
	u64 n;

	for (u64 at = 0; at < npages; at += n) {
		u64 phys, run = port_pin_run(pin, at, npages - at, &phys), first, end;

		if (port_page_identify(phys, run, &id, &n)) {
			n = 1; /* unmapped since: it is nobody's any more */
			continue;
		}
		if (id.space != c->id.space || id.object != c->id.object)
			continue;
		first = port_max(id.index, c->id.index);
		end = port_min(id.index + n, c->id.index + c->n);
		for (u64 i = first; i < end; i++)
			c->refs[i - c->id.index]++;
	}
}

/* Pages [index, index + n) are held by accesses, whose pins are theirs: a short
 * one of ours finds the same pages. pages->lock held. */
static void count_held(const struct counted *c, struct iopages *pages, u64 index, u64 n)
{
	struct port_pin pin;

	if (!n || pin_range(pages, index, n, &pin, false))
		return;
	count_pin(c, &pin, n);
	port_unpin(&pin);
}

static void count_accesses(const struct counted *c, struct iopages *pages)
{
	struct port_node *node = port_map_ceil(&pages->access_chunks, 0);

	for (; node; node = port_map_next(node)) {
		const u16 *users = port_container(node, struct pin_chunk, node)->users;
		u64 held = 0;

		for (u64 i = 0; i < CHUNK_PAGES; i++) {
			if (users[i]) {
				held++;
				continue;
			}
			count_held(c, pages, node->key + i - held, held);
			held = 0;
		}
		count_held(c, pages, node->key + CHUNK_PAGES - held, held);
	}
}

static void count_run(const struct counted *c)
{
	port_mutex_lock(&registry_lock);
	for (struct iopages *pages = registry; pages; pages = pages->next) {
		port_mutex_lock(&pages->lock);
		if (pages->domain_users)
			count_pin(c, &pages->pin, pages->npages);
		else
			count_accesses(c, pages);
		port_mutex_unlock(&pages->lock);
	}
	port_mutex_unlock(&registry_lock);
}

int iopages_count_refs(u64 uaddr, u64 npages, u32 *refs)
{
	struct port_mm *mm = port_mm_get();
	struct port_pin pin;
	struct counted c;
	u64 phys, run;
	int err;

	memset(refs, 0, npages * sizeof(*refs));
	err = port_pin(&pin, mm, uaddr, npages, false);
	port_mm_put(mm);
	if (err)
		return err;
	for (u64 at = 0; !err && at < npages; at += c.n) {
		run = port_pin_run(&pin, at, npages - at, &phys);
		err = port_page_identify(phys, run, &c.id, &c.n);
		c.refs = refs + at;
		if (!err)
			count_run(&c);
	}
	port_unpin(&pin);
	return err;
}
