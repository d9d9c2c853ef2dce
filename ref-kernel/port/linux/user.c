/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The caller's memory: copies, and the bitmap window. */
#include <linux/capability.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#include "linux.h"

int port_copy_from_user(void *dst, u64 uaddr, size_t size)
{
	if (port_fail() || copy_from_user(dst, u64_to_user_ptr(uaddr), size))
		return -EFAULT;
	return 0;
}

int port_copy_to_user(u64 uaddr, const void *src, size_t size)
{
	if (port_fail() || copy_to_user(u64_to_user_ptr(uaddr), src, size))
		return -EFAULT;
	return 0;
}

bool port_capable_resource(void)
{
	return capable(CAP_SYS_RESOURCE);
}

static void unpin(struct port_window *w)
{
	unpin_user_pages_dirty_lock(w->pages, w->npages, true);
	atomic64_sub(w->npages, &pinned_pages);
	kvfree(w->pages);
}

int port_window_pin(struct port_window *w, u64 uaddr, size_t size)
{
	unsigned int skip = offset_in_page(uaddr), npages;
	int n;

	if (port_fail() || !size || !access_ok(u64_to_user_ptr(uaddr), size))
		return -EFAULT;
	npages = DIV_ROUND_UP(skip + size, PAGE_SIZE);
	w->pages = kvcalloc(npages, sizeof(*w->pages), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!w->pages)
		return -ENOMEM;
	n = pin_user_pages_fast(uaddr - skip, npages, FOLL_WRITE, w->pages);
	w->npages = max(n, 0);
	w->skip = skip;
	atomic64_add(w->npages, &pinned_pages);
	if (w->npages == npages)
		return 0;
	unpin(w);
	return -EFAULT;
}

void port_window_unpin(struct port_window *w)
{
	unpin(w);
}

/* For any window: two may lie on the same bytes. The program must not write to a bitmap
 * that is being filled. */
static DEFINE_MUTEX(or_lock);

/* The pages are pinned, so this cannot fail. */
int port_window_or(struct port_window *w, size_t at, const u8 *bytes, size_t size)
{
	at += w->skip;
	mutex_lock(&or_lock);
	while (size) {
		size_t part = port_min(size, PAGE_SIZE - offset_in_page(at));
		struct page *page = w->pages[at >> PAGE_SHIFT];
		u8 *mapped = kmap_local_page(page);

		port_or(mapped + offset_in_page(at), bytes, part);
		flush_dcache_page(page);
		kunmap_local(mapped);
		at += part;
		bytes += part;
		size -= part;
	}
	mutex_unlock(&or_lock);
	return 0;
}
