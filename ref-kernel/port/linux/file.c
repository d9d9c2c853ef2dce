/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Memory that a memfd names. */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/shmem_fs.h>
#include <uapi/linux/fcntl.h>

#include "linux.h"

static struct file *file_of(const struct port_file *file)
{
	return (struct file *)file;
}

struct port_file *port_file_get(int fd, int *err)
{
	struct file *file;

	*err = -ENOMEM;
	if (port_fail())
		return NULL;
	*err = -EBADF;
	file = fget(fd);
	if (!file)
		return NULL;
	if (shmem_mapping(file->f_mapping) || is_file_hugepages(file))
		return (struct port_file *)file;
	*err = -EINVAL;
	fput(file);
	return NULL;
}

void port_file_put(struct port_file *file)
{
	fput(file_of(file));
}

u64 port_file_size(const struct port_file *file)
{
	return i_size_read(file_inode(file_of(file)));
}

/* The pages of each folio, from page @skip of the first. */
static void list_pages(struct pinned *p, u64 npages, unsigned long skip)
{
	for (u64 i = 0; i < p->nfolios; i++, skip = 0)
		for (; skip < folio_nr_pages(p->folios[i]) && p->npages < npages; skip++)
			p->pages[p->npages++] = folio_page(p->folios[i], skip);
}

static int pin_folios(struct port_pin *pin, struct file *file, u64 start, u64 npages, bool write)
{
	u64 end = port_min(start + (npages << PAGE_SHIFT), i_size_read(file_inode(file)));
	struct pinned *p;
	pgoff_t skip;
	long n;
	int err;

	err = bus_alloc(pin, current->mm, start, npages, write);
	if (err)
		return err;
	p = pin->pinned;
	n = -ENOMEM;
	p->folios = kvcalloc(npages, sizeof(*p->folios), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (p->folios)
		n = memfd_pin_folios(file, start, end - 1, p->folios, npages, &skip);
	if (n > 0) {
		p->nfolios = n;
		atomic64_add(n, &pinned_pages);
		list_pages(p, npages, skip);
		n = p->npages == npages ? 0 : -EINVAL;
	}
	if (n)
		port_unpin(pin);
	return n;
}

/* While @file counts as mapped for write nobody can seal it against that; and
 * then its pages are seen to be pinned. */
static int pin_for_write(struct port_pin *pin, struct file *file, u64 start, u64 npages)
{
	struct address_space *mapping = file->f_mapping;
	int err;

	if (!(file->f_mode & FMODE_WRITE))
		return -EACCES;
	if (shmem_mapping(mapping) && SHMEM_I(mapping->host)->seals & F_SEAL_FUTURE_WRITE)
		return -EPERM;
	err = mapping_map_writable(mapping);
	if (err)
		return err;
	err = pin_folios(pin, file, start, npages, true);
	mapping_unmap_writable(mapping);
	return err;
}

int port_pin_file(struct port_pin *pin, struct port_file *file, u64 start, u64 npages, bool write)
{
	u64 pages = (port_file_size(file) + PORT_PAGE_SIZE - 1) >> PORT_PAGE_LG2;
	u64 first = start >> PORT_PAGE_LG2;

	if (port_fail())
		return -EFAULT;
	if (!npages || npages > INT_MAX || first >= pages || npages > pages - first)
		return -EINVAL;
	if (write)
		return pin_for_write(pin, file_of(file), start, npages);
	return pin_folios(pin, file_of(file), start, npages, false);
}
