/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every number, size and offset of the ABI, as constants, so that an edit that
 * moves a field does not build. conformance/unit/abi_layout.c includes this
 * after our headers, and again after a kernel's own (make check-abi): the same
 * list must hold for both. Values are Linux 7.2's; ABI_SINCE leaves out what the
 * header at hand is too old to have (which is at least Linux 6.12).
 *
 * Includes nothing: whoever includes it has chosen the headers, included
 * <stddef.h> and defined ABI_SINCE(major, minor).
 */

#define ABI_VALUE(name, value) _Static_assert((name) == (value), #name)
#define ABI_STRUCT(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type)
#define ABI_FIELD(type, field, offset, bytes)                                \
	_Static_assert(offsetof(struct type, field) == (offset) &&           \
			       sizeof(((struct type *)0)->field) == (bytes), \
		       #type "." #field)

/* ---- abi/iommufd.h ---- */

ABI_VALUE(IOMMUFD_TYPE, 0x3b);
ABI_VALUE(IOMMUFD_CMD_BASE, 0x80);
ABI_VALUE(IOMMU_DESTROY, 0x3b80);
ABI_VALUE(IOMMU_IOAS_ALLOC, 0x3b81);
ABI_VALUE(IOMMU_IOAS_ALLOW_IOVAS, 0x3b82);
ABI_VALUE(IOMMU_IOAS_COPY, 0x3b83);
ABI_VALUE(IOMMU_IOAS_IOVA_RANGES, 0x3b84);
ABI_VALUE(IOMMU_IOAS_MAP, 0x3b85);
ABI_VALUE(IOMMU_IOAS_UNMAP, 0x3b86);
ABI_VALUE(IOMMU_OPTION, 0x3b87);
ABI_VALUE(IOMMU_VFIO_IOAS, 0x3b88);
ABI_VALUE(IOMMU_HWPT_ALLOC, 0x3b89);
ABI_VALUE(IOMMU_GET_HW_INFO, 0x3b8a);
ABI_VALUE(IOMMU_HWPT_SET_DIRTY_TRACKING, 0x3b8b);
ABI_VALUE(IOMMU_HWPT_GET_DIRTY_BITMAP, 0x3b8c);
ABI_VALUE(IOMMU_HWPT_INVALIDATE, 0x3b8d);
ABI_VALUE(IOMMU_FAULT_QUEUE_ALLOC, 0x3b8e);
#if ABI_SINCE(6, 13)
ABI_VALUE(IOMMU_IOAS_MAP_FILE, 0x3b8f);
#endif
#if ABI_SINCE(6, 14)
ABI_VALUE(IOMMU_IOAS_CHANGE_PROCESS, 0x3b92);
#endif

ABI_VALUE(IOMMU_IOAS_MAP_FIXED_IOVA, 1);
ABI_VALUE(IOMMU_IOAS_MAP_WRITEABLE, 2);
ABI_VALUE(IOMMU_IOAS_MAP_READABLE, 4);

ABI_VALUE(IOMMU_OPTION_RLIMIT_MODE, 0);
ABI_VALUE(IOMMU_OPTION_HUGE_PAGES, 1);

ABI_VALUE(IOMMU_OPTION_OP_SET, 0);
ABI_VALUE(IOMMU_OPTION_OP_GET, 1);

ABI_VALUE(IOMMU_VFIO_IOAS_GET, 0);
ABI_VALUE(IOMMU_VFIO_IOAS_SET, 1);
ABI_VALUE(IOMMU_VFIO_IOAS_CLEAR, 2);

ABI_VALUE(IOMMU_HWPT_ALLOC_NEST_PARENT, 1);
ABI_VALUE(IOMMU_HWPT_ALLOC_DIRTY_TRACKING, 2);
ABI_VALUE(IOMMU_HWPT_FAULT_ID_VALID, 4);
#if ABI_SINCE(6, 15)
ABI_VALUE(IOMMU_HWPT_ALLOC_PASID, 8);
#endif

ABI_VALUE(IOMMU_HWPT_DATA_NONE, 0);
ABI_VALUE(IOMMU_HWPT_DATA_VTD_S1, 1);
#if ABI_SINCE(6, 13)
ABI_VALUE(IOMMU_HWPT_DATA_ARM_SMMUV3, 2);
#endif
#if ABI_SINCE(7, 2)
ABI_VALUE(IOMMU_HWPT_DATA_AMD_GUEST, 3);
#endif

ABI_VALUE(IOMMU_VTD_S1_SRE, 1);
ABI_VALUE(IOMMU_VTD_S1_EAFE, 2);
ABI_VALUE(IOMMU_VTD_S1_WPE, 4);

ABI_VALUE(IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, 0);
#if ABI_SINCE(6, 13)
ABI_VALUE(IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3, 1);
#endif
ABI_VALUE(IOMMU_VTD_INV_FLAGS_LEAF, 1);

ABI_VALUE(IOMMU_PGFAULT_FLAGS_PASID_VALID, 1);
ABI_VALUE(IOMMU_PGFAULT_FLAGS_LAST_PAGE, 2);
ABI_VALUE(IOMMU_PGFAULT_PERM_READ, 1);
ABI_VALUE(IOMMU_PGFAULT_PERM_WRITE, 2);
ABI_VALUE(IOMMU_PGFAULT_PERM_EXEC, 4);
ABI_VALUE(IOMMU_PGFAULT_PERM_PRIV, 8);
ABI_VALUE(IOMMUFD_PAGE_RESP_SUCCESS, 0);
ABI_VALUE(IOMMUFD_PAGE_RESP_INVALID, 1);

ABI_VALUE(IOMMU_HW_INFO_TYPE_NONE, 0);
#if ABI_SINCE(6, 17)
ABI_VALUE(IOMMU_HW_INFO_TYPE_DEFAULT, 0);
#endif
ABI_VALUE(IOMMU_HW_INFO_TYPE_INTEL_VTD, 1);
#if ABI_SINCE(6, 13)
ABI_VALUE(IOMMU_HW_INFO_TYPE_ARM_SMMUV3, 2);
#endif
#if ABI_SINCE(6, 17)
ABI_VALUE(IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, 3);
#endif
#if ABI_SINCE(7, 2)
ABI_VALUE(IOMMU_HW_INFO_TYPE_AMD, 4);
#endif

#if ABI_SINCE(6, 17)
ABI_VALUE(IOMMU_HW_INFO_FLAG_INPUT_TYPE, 1);
#endif

ABI_VALUE(IOMMU_HW_CAP_DIRTY_TRACKING, 1);
#if ABI_SINCE(6, 15)
ABI_VALUE(IOMMU_HW_CAP_PCI_PASID_EXEC, 2);
ABI_VALUE(IOMMU_HW_CAP_PCI_PASID_PRIV, 4);
#endif
#if ABI_SINCE(7, 2)
ABI_VALUE(IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED, 8);
#endif

ABI_VALUE(IOMMU_HWPT_DIRTY_TRACKING_ENABLE, 1);

ABI_VALUE(IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, 1);

ABI_STRUCT(iommu_destroy, 8);
ABI_FIELD(iommu_destroy, size, 0, 4);
ABI_FIELD(iommu_destroy, id, 4, 4);

ABI_STRUCT(iommu_ioas_alloc, 12);
ABI_FIELD(iommu_ioas_alloc, size, 0, 4);
ABI_FIELD(iommu_ioas_alloc, flags, 4, 4);
ABI_FIELD(iommu_ioas_alloc, out_ioas_id, 8, 4);

ABI_STRUCT(iommu_iova_range, 16);
ABI_FIELD(iommu_iova_range, start, 0, 8);
ABI_FIELD(iommu_iova_range, last, 8, 8);

ABI_STRUCT(iommu_ioas_iova_ranges, 32);
ABI_FIELD(iommu_ioas_iova_ranges, size, 0, 4);
ABI_FIELD(iommu_ioas_iova_ranges, ioas_id, 4, 4);
ABI_FIELD(iommu_ioas_iova_ranges, num_iovas, 8, 4);
ABI_FIELD(iommu_ioas_iova_ranges, __reserved, 12, 4);
ABI_FIELD(iommu_ioas_iova_ranges, allowed_iovas, 16, 8);
ABI_FIELD(iommu_ioas_iova_ranges, out_iova_alignment, 24, 8);

ABI_STRUCT(iommu_ioas_allow_iovas, 24);
ABI_FIELD(iommu_ioas_allow_iovas, size, 0, 4);
ABI_FIELD(iommu_ioas_allow_iovas, ioas_id, 4, 4);
ABI_FIELD(iommu_ioas_allow_iovas, num_iovas, 8, 4);
ABI_FIELD(iommu_ioas_allow_iovas, __reserved, 12, 4);
ABI_FIELD(iommu_ioas_allow_iovas, allowed_iovas, 16, 8);

ABI_STRUCT(iommu_ioas_map, 40);
ABI_FIELD(iommu_ioas_map, size, 0, 4);
ABI_FIELD(iommu_ioas_map, flags, 4, 4);
ABI_FIELD(iommu_ioas_map, ioas_id, 8, 4);
ABI_FIELD(iommu_ioas_map, __reserved, 12, 4);
ABI_FIELD(iommu_ioas_map, user_va, 16, 8);
ABI_FIELD(iommu_ioas_map, length, 24, 8);
ABI_FIELD(iommu_ioas_map, iova, 32, 8);

#if ABI_SINCE(6, 13)
ABI_STRUCT(iommu_ioas_map_file, 40);
ABI_FIELD(iommu_ioas_map_file, size, 0, 4);
ABI_FIELD(iommu_ioas_map_file, flags, 4, 4);
ABI_FIELD(iommu_ioas_map_file, ioas_id, 8, 4);
ABI_FIELD(iommu_ioas_map_file, fd, 12, 4);
ABI_FIELD(iommu_ioas_map_file, start, 16, 8);
ABI_FIELD(iommu_ioas_map_file, length, 24, 8);
ABI_FIELD(iommu_ioas_map_file, iova, 32, 8);
#endif

ABI_STRUCT(iommu_ioas_copy, 40);
ABI_FIELD(iommu_ioas_copy, size, 0, 4);
ABI_FIELD(iommu_ioas_copy, flags, 4, 4);
ABI_FIELD(iommu_ioas_copy, dst_ioas_id, 8, 4);
ABI_FIELD(iommu_ioas_copy, src_ioas_id, 12, 4);
ABI_FIELD(iommu_ioas_copy, length, 16, 8);
ABI_FIELD(iommu_ioas_copy, dst_iova, 24, 8);
ABI_FIELD(iommu_ioas_copy, src_iova, 32, 8);

ABI_STRUCT(iommu_ioas_unmap, 24);
ABI_FIELD(iommu_ioas_unmap, size, 0, 4);
ABI_FIELD(iommu_ioas_unmap, ioas_id, 4, 4);
ABI_FIELD(iommu_ioas_unmap, iova, 8, 8);
ABI_FIELD(iommu_ioas_unmap, length, 16, 8);

ABI_STRUCT(iommu_option, 24);
ABI_FIELD(iommu_option, size, 0, 4);
ABI_FIELD(iommu_option, option_id, 4, 4);
ABI_FIELD(iommu_option, op, 8, 2);
ABI_FIELD(iommu_option, __reserved, 10, 2);
ABI_FIELD(iommu_option, object_id, 12, 4);
ABI_FIELD(iommu_option, val64, 16, 8);

ABI_STRUCT(iommu_vfio_ioas, 12);
ABI_FIELD(iommu_vfio_ioas, size, 0, 4);
ABI_FIELD(iommu_vfio_ioas, ioas_id, 4, 4);
ABI_FIELD(iommu_vfio_ioas, op, 8, 2);
ABI_FIELD(iommu_vfio_ioas, __reserved, 10, 2);

ABI_STRUCT(iommu_hwpt_alloc, 48);
ABI_FIELD(iommu_hwpt_alloc, size, 0, 4);
ABI_FIELD(iommu_hwpt_alloc, flags, 4, 4);
ABI_FIELD(iommu_hwpt_alloc, dev_id, 8, 4);
ABI_FIELD(iommu_hwpt_alloc, pt_id, 12, 4);
ABI_FIELD(iommu_hwpt_alloc, out_hwpt_id, 16, 4);
ABI_FIELD(iommu_hwpt_alloc, __reserved, 20, 4);
ABI_FIELD(iommu_hwpt_alloc, data_type, 24, 4);
ABI_FIELD(iommu_hwpt_alloc, data_len, 28, 4);
ABI_FIELD(iommu_hwpt_alloc, data_uptr, 32, 8);
ABI_FIELD(iommu_hwpt_alloc, fault_id, 40, 4);
ABI_FIELD(iommu_hwpt_alloc, __reserved2, 44, 4);

ABI_STRUCT(iommu_hwpt_vtd_s1, 24);
ABI_FIELD(iommu_hwpt_vtd_s1, flags, 0, 8);
ABI_FIELD(iommu_hwpt_vtd_s1, pgtbl_addr, 8, 8);
ABI_FIELD(iommu_hwpt_vtd_s1, addr_width, 16, 4);
ABI_FIELD(iommu_hwpt_vtd_s1, __reserved, 20, 4);

ABI_STRUCT(iommu_hwpt_vtd_s1_invalidate, 24);
ABI_FIELD(iommu_hwpt_vtd_s1_invalidate, addr, 0, 8);
ABI_FIELD(iommu_hwpt_vtd_s1_invalidate, npages, 8, 8);
ABI_FIELD(iommu_hwpt_vtd_s1_invalidate, flags, 16, 4);
ABI_FIELD(iommu_hwpt_vtd_s1_invalidate, __reserved, 20, 4);

#if ABI_SINCE(6, 13)
ABI_STRUCT(iommu_hwpt_arm_smmuv3, 16);
ABI_FIELD(iommu_hwpt_arm_smmuv3, ste, 0, 16);
ABI_STRUCT(iommu_viommu_arm_smmuv3_invalidate, 16);
ABI_FIELD(iommu_viommu_arm_smmuv3_invalidate, cmd, 0, 16);
#endif

ABI_STRUCT(iommu_hwpt_invalidate, 32);
ABI_FIELD(iommu_hwpt_invalidate, size, 0, 4);
ABI_FIELD(iommu_hwpt_invalidate, hwpt_id, 4, 4);
ABI_FIELD(iommu_hwpt_invalidate, data_uptr, 8, 8);
ABI_FIELD(iommu_hwpt_invalidate, data_type, 16, 4);
ABI_FIELD(iommu_hwpt_invalidate, entry_len, 20, 4);
ABI_FIELD(iommu_hwpt_invalidate, entry_num, 24, 4);
ABI_FIELD(iommu_hwpt_invalidate, __reserved, 28, 4);

ABI_STRUCT(iommu_hwpt_pgfault, 40);
ABI_FIELD(iommu_hwpt_pgfault, flags, 0, 4);
ABI_FIELD(iommu_hwpt_pgfault, dev_id, 4, 4);
ABI_FIELD(iommu_hwpt_pgfault, pasid, 8, 4);
ABI_FIELD(iommu_hwpt_pgfault, grpid, 12, 4);
ABI_FIELD(iommu_hwpt_pgfault, perm, 16, 4);
ABI_FIELD(iommu_hwpt_pgfault, __reserved, 20, 4);
ABI_FIELD(iommu_hwpt_pgfault, addr, 24, 8);
ABI_FIELD(iommu_hwpt_pgfault, length, 32, 4);
ABI_FIELD(iommu_hwpt_pgfault, cookie, 36, 4);

ABI_STRUCT(iommu_hwpt_page_response, 8);
ABI_FIELD(iommu_hwpt_page_response, cookie, 0, 4);
ABI_FIELD(iommu_hwpt_page_response, code, 4, 4);

ABI_STRUCT(iommu_fault_alloc, 16);
ABI_FIELD(iommu_fault_alloc, size, 0, 4);
ABI_FIELD(iommu_fault_alloc, flags, 4, 4);
ABI_FIELD(iommu_fault_alloc, out_fault_id, 8, 4);
ABI_FIELD(iommu_fault_alloc, out_fault_fd, 12, 4);

ABI_STRUCT(iommu_hw_info_vtd, 24);
ABI_FIELD(iommu_hw_info_vtd, flags, 0, 4);
ABI_FIELD(iommu_hw_info_vtd, __reserved, 4, 4);
ABI_FIELD(iommu_hw_info_vtd, cap_reg, 8, 8);
ABI_FIELD(iommu_hw_info_vtd, ecap_reg, 16, 8);

#if ABI_SINCE(7, 2)
ABI_STRUCT(iommu_hw_info_amd, 16);
ABI_FIELD(iommu_hw_info_amd, efr, 0, 8);
ABI_FIELD(iommu_hw_info_amd, efr2, 8, 8);
#endif

ABI_STRUCT(iommu_hw_info, 40);
ABI_FIELD(iommu_hw_info, size, 0, 4);
ABI_FIELD(iommu_hw_info, flags, 4, 4);
ABI_FIELD(iommu_hw_info, dev_id, 8, 4);
ABI_FIELD(iommu_hw_info, data_len, 12, 4);
ABI_FIELD(iommu_hw_info, data_uptr, 16, 8);
#if ABI_SINCE(6, 17)
ABI_FIELD(iommu_hw_info, in_data_type, 24, 4);
#endif
ABI_FIELD(iommu_hw_info, out_data_type, 24, 4);
#if ABI_SINCE(6, 15)
ABI_FIELD(iommu_hw_info, out_max_pasid_log2, 28, 1);
ABI_FIELD(iommu_hw_info, __reserved, 29, 3);
#endif
ABI_FIELD(iommu_hw_info, out_capabilities, 32, 8);

ABI_STRUCT(iommu_hwpt_set_dirty_tracking, 16);
ABI_FIELD(iommu_hwpt_set_dirty_tracking, size, 0, 4);
ABI_FIELD(iommu_hwpt_set_dirty_tracking, flags, 4, 4);
ABI_FIELD(iommu_hwpt_set_dirty_tracking, hwpt_id, 8, 4);
ABI_FIELD(iommu_hwpt_set_dirty_tracking, __reserved, 12, 4);

ABI_STRUCT(iommu_hwpt_get_dirty_bitmap, 48);
ABI_FIELD(iommu_hwpt_get_dirty_bitmap, size, 0, 4);
ABI_FIELD(iommu_hwpt_get_dirty_bitmap, hwpt_id, 4, 4);
ABI_FIELD(iommu_hwpt_get_dirty_bitmap, flags, 8, 4);
ABI_FIELD(iommu_hwpt_get_dirty_bitmap, __reserved, 12, 4);
ABI_FIELD(iommu_hwpt_get_dirty_bitmap, iova, 16, 8);
ABI_FIELD(iommu_hwpt_get_dirty_bitmap, length, 24, 8);
ABI_FIELD(iommu_hwpt_get_dirty_bitmap, page_size, 32, 8);
ABI_FIELD(iommu_hwpt_get_dirty_bitmap, data, 40, 8);

#if ABI_SINCE(6, 14)
ABI_STRUCT(iommu_ioas_change_process, 8);
ABI_FIELD(iommu_ioas_change_process, size, 0, 4);
ABI_FIELD(iommu_ioas_change_process, __reserved, 4, 4);
#endif

/* ---- abi/vfio.h ---- */

#ifdef VFIO_TYPE

ABI_VALUE(VFIO_GET_API_VERSION, 0x3b64);
ABI_VALUE(VFIO_CHECK_EXTENSION, 0x3b65);
ABI_VALUE(VFIO_SET_IOMMU, 0x3b66);
ABI_VALUE(VFIO_GROUP_GET_STATUS, 0x3b67);
ABI_VALUE(VFIO_GROUP_SET_CONTAINER, 0x3b68);
ABI_VALUE(VFIO_GROUP_GET_DEVICE_FD, 0x3b6a);
ABI_VALUE(VFIO_GROUP_UNSET_CONTAINER, 0x3b69);
ABI_VALUE(VFIO_DEVICE_GET_INFO, 0x3b6b);
ABI_VALUE(VFIO_DEVICE_GET_REGION_INFO, 0x3b6c);
ABI_VALUE(VFIO_DEVICE_GET_IRQ_INFO, 0x3b6d);
ABI_VALUE(VFIO_DEVICE_RESET, 0x3b6f);
ABI_VALUE(VFIO_IOMMU_GET_INFO, 0x3b70);
ABI_VALUE(VFIO_IOMMU_MAP_DMA, 0x3b71);
ABI_VALUE(VFIO_IOMMU_UNMAP_DMA, 0x3b72);
ABI_VALUE(VFIO_IOMMU_DIRTY_PAGES, 0x3b75);
ABI_VALUE(VFIO_DEVICE_FEATURE, 0x3b75);
ABI_VALUE(VFIO_DEVICE_BIND_IOMMUFD, 0x3b76);
ABI_VALUE(VFIO_DEVICE_ATTACH_IOMMUFD_PT, 0x3b77);
ABI_VALUE(VFIO_DEVICE_DETACH_IOMMUFD_PT, 0x3b78);
ABI_VALUE(VFIO_MIG_GET_PRECOPY_INFO, 0x3b79);
ABI_VALUE(VFIO_API_VERSION, 0);

ABI_VALUE(VFIO_TYPE1_IOMMU, 1);
ABI_VALUE(VFIO_TYPE1v2_IOMMU, 3);
ABI_VALUE(VFIO_DMA_CC_IOMMU, 4);
#if !ABI_SINCE(6, 13) || defined(IODIRTY_TYPE)
ABI_VALUE(VFIO_TYPE1_NESTING_IOMMU, 6);
#endif
ABI_VALUE(VFIO_NOIOMMU_IOMMU, 8);
ABI_VALUE(VFIO_UNMAP_ALL, 9);
ABI_VALUE(VFIO_UPDATE_VADDR, 10);

ABI_VALUE(VFIO_IOMMU_INFO_PGSIZES, 1);
ABI_VALUE(VFIO_IOMMU_INFO_CAPS, 2);
ABI_VALUE(VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 1);
ABI_VALUE(VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, 2);
ABI_VALUE(VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 3);
ABI_VALUE(VFIO_DMA_MAP_FLAG_READ, 1);
ABI_VALUE(VFIO_DMA_MAP_FLAG_WRITE, 2);
ABI_VALUE(VFIO_DMA_MAP_FLAG_VADDR, 4);
ABI_VALUE(VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, 1);
ABI_VALUE(VFIO_DMA_UNMAP_FLAG_ALL, 2);
ABI_VALUE(VFIO_DMA_UNMAP_FLAG_VADDR, 4);
ABI_VALUE(VFIO_IOMMU_DIRTY_PAGES_FLAG_START, 1);
ABI_VALUE(VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP, 2);
ABI_VALUE(VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP, 4);

ABI_VALUE(VFIO_GROUP_FLAGS_VIABLE, 1);
ABI_VALUE(VFIO_PCI_BAR0_REGION_INDEX, 0);
ABI_VALUE(VFIO_PCI_CONFIG_REGION_INDEX, 7);
ABI_VALUE(VFIO_GROUP_FLAGS_CONTAINER_SET, 2);
ABI_VALUE(VFIO_DEVICE_FLAGS_RESET, 1);
ABI_VALUE(VFIO_DEVICE_FLAGS_PCI, 2);
ABI_VALUE(VFIO_PCI_NUM_REGIONS, 9);
ABI_VALUE(VFIO_PCI_NUM_IRQS, 5);
ABI_VALUE(VFIO_REGION_INFO_FLAG_READ, 1);
ABI_VALUE(VFIO_REGION_INFO_FLAG_WRITE, 2);
ABI_VALUE(VFIO_REGION_INFO_FLAG_MMAP, 4);

ABI_VALUE(VFIO_DEVICE_FEATURE_MASK, 0xffff);
ABI_VALUE(VFIO_DEVICE_FEATURE_GET, 1 << 16);
ABI_VALUE(VFIO_DEVICE_FEATURE_SET, 1 << 17);
ABI_VALUE(VFIO_DEVICE_FEATURE_PROBE, 1 << 18);
ABI_VALUE(VFIO_DEVICE_FEATURE_MIGRATION, 1);
ABI_VALUE(VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, 2);
ABI_VALUE(VFIO_DEVICE_FEATURE_DMA_LOGGING_START, 6);
ABI_VALUE(VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, 7);
ABI_VALUE(VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT, 8);
ABI_VALUE(VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, 9);
ABI_VALUE(VFIO_MIGRATION_STOP_COPY, 1);
ABI_VALUE(VFIO_MIGRATION_P2P, 2);
ABI_VALUE(VFIO_MIGRATION_PRE_COPY, 4);
ABI_VALUE(VFIO_DEVICE_STATE_ERROR, 0);
ABI_VALUE(VFIO_DEVICE_STATE_STOP, 1);
ABI_VALUE(VFIO_DEVICE_STATE_RUNNING, 2);
ABI_VALUE(VFIO_DEVICE_STATE_STOP_COPY, 3);
ABI_VALUE(VFIO_DEVICE_STATE_RESUMING, 4);
ABI_VALUE(VFIO_DEVICE_STATE_RUNNING_P2P, 5);
ABI_VALUE(VFIO_DEVICE_STATE_PRE_COPY, 6);
ABI_VALUE(VFIO_DEVICE_STATE_PRE_COPY_P2P, 7);

ABI_STRUCT(vfio_group_status, 8);
ABI_FIELD(vfio_group_status, argsz, 0, 4);
ABI_FIELD(vfio_group_status, flags, 4, 4);

ABI_STRUCT(vfio_region_info, 32);
ABI_FIELD(vfio_region_info, argsz, 0, 4);
ABI_FIELD(vfio_region_info, flags, 4, 4);
ABI_FIELD(vfio_region_info, index, 8, 4);
ABI_FIELD(vfio_region_info, cap_offset, 12, 4);
ABI_FIELD(vfio_region_info, size, 16, 8);
ABI_FIELD(vfio_region_info, offset, 24, 8);

ABI_STRUCT(vfio_device_info, 24);
ABI_FIELD(vfio_device_info, argsz, 0, 4);
ABI_FIELD(vfio_device_info, flags, 4, 4);
ABI_FIELD(vfio_device_info, num_regions, 8, 4);
ABI_FIELD(vfio_device_info, num_irqs, 12, 4);
ABI_FIELD(vfio_device_info, cap_offset, 16, 4);
ABI_FIELD(vfio_device_info, pad, 20, 4);

ABI_STRUCT(vfio_irq_info, 16);
ABI_FIELD(vfio_irq_info, argsz, 0, 4);
ABI_FIELD(vfio_irq_info, flags, 4, 4);
ABI_FIELD(vfio_irq_info, index, 8, 4);
ABI_FIELD(vfio_irq_info, count, 12, 4);

ABI_STRUCT(vfio_device_feature, 8);
ABI_FIELD(vfio_device_feature, argsz, 0, 4);
ABI_FIELD(vfio_device_feature, flags, 4, 4);

ABI_STRUCT(vfio_device_feature_migration, 8);
ABI_FIELD(vfio_device_feature_migration, flags, 0, 8);

ABI_STRUCT(vfio_device_feature_mig_state, 8);
ABI_FIELD(vfio_device_feature_mig_state, device_state, 0, 4);
ABI_FIELD(vfio_device_feature_mig_state, data_fd, 4, 4);

ABI_STRUCT(vfio_device_feature_mig_data_size, 8);
ABI_FIELD(vfio_device_feature_mig_data_size, stop_copy_length, 0, 8);

ABI_STRUCT(vfio_precopy_info, 24);
ABI_FIELD(vfio_precopy_info, argsz, 0, 4);
ABI_FIELD(vfio_precopy_info, flags, 4, 4);
ABI_FIELD(vfio_precopy_info, initial_bytes, 8, 8);
ABI_FIELD(vfio_precopy_info, dirty_bytes, 16, 8);

ABI_STRUCT(vfio_device_feature_dma_logging_control, 24);
ABI_FIELD(vfio_device_feature_dma_logging_control, page_size, 0, 8);
ABI_FIELD(vfio_device_feature_dma_logging_control, num_ranges, 8, 4);
ABI_FIELD(vfio_device_feature_dma_logging_control, __reserved, 12, 4);
ABI_FIELD(vfio_device_feature_dma_logging_control, ranges, 16, 8);

ABI_STRUCT(vfio_device_feature_dma_logging_range, 16);
ABI_FIELD(vfio_device_feature_dma_logging_range, iova, 0, 8);
ABI_FIELD(vfio_device_feature_dma_logging_range, length, 8, 8);

ABI_STRUCT(vfio_device_feature_dma_logging_report, 32);
ABI_FIELD(vfio_device_feature_dma_logging_report, iova, 0, 8);
ABI_FIELD(vfio_device_feature_dma_logging_report, length, 8, 8);
ABI_FIELD(vfio_device_feature_dma_logging_report, page_size, 16, 8);
ABI_FIELD(vfio_device_feature_dma_logging_report, bitmap, 24, 8);

/* Later kernels know more fields at the end of some: a caller may stop before them. */
ABI_FIELD(vfio_device_bind_iommufd, argsz, 0, 4);
ABI_FIELD(vfio_device_bind_iommufd, flags, 4, 4);
ABI_FIELD(vfio_device_bind_iommufd, iommufd, 8, 4);
ABI_FIELD(vfio_device_bind_iommufd, out_devid, 12, 4);
ABI_FIELD(vfio_device_attach_iommufd_pt, argsz, 0, 4);
ABI_FIELD(vfio_device_attach_iommufd_pt, flags, 4, 4);
ABI_FIELD(vfio_device_attach_iommufd_pt, pt_id, 8, 4);
ABI_FIELD(vfio_device_detach_iommufd_pt, argsz, 0, 4);
ABI_FIELD(vfio_device_detach_iommufd_pt, flags, 4, 4);
#if ABI_SINCE(6, 15)
ABI_VALUE(VFIO_DEVICE_ATTACH_PASID, 1);
ABI_VALUE(VFIO_DEVICE_DETACH_PASID, 1);
ABI_FIELD(vfio_device_attach_iommufd_pt, pasid, 12, 4);
ABI_FIELD(vfio_device_detach_iommufd_pt, pasid, 8, 4);
#endif
#if ABI_SINCE(7, 0)
ABI_VALUE(VFIO_DEVICE_BIND_FLAG_TOKEN, 1);
ABI_FIELD(vfio_device_bind_iommufd, token_uuid_ptr, 16, 8);
#endif

ABI_STRUCT(vfio_info_cap_header, 8);
ABI_FIELD(vfio_info_cap_header, id, 0, 2);
ABI_FIELD(vfio_info_cap_header, version, 2, 2);
ABI_FIELD(vfio_info_cap_header, next, 4, 4);

ABI_STRUCT(vfio_iommu_type1_info, 24);
ABI_FIELD(vfio_iommu_type1_info, argsz, 0, 4);
ABI_FIELD(vfio_iommu_type1_info, flags, 4, 4);
ABI_FIELD(vfio_iommu_type1_info, iova_pgsizes, 8, 8);
ABI_FIELD(vfio_iommu_type1_info, cap_offset, 16, 4);
ABI_FIELD(vfio_iommu_type1_info, pad, 20, 4);

ABI_STRUCT(vfio_iova_range, 16);
ABI_FIELD(vfio_iova_range, start, 0, 8);
ABI_FIELD(vfio_iova_range, end, 8, 8);

ABI_STRUCT(vfio_iommu_type1_info_cap_iova_range, 16);
ABI_FIELD(vfio_iommu_type1_info_cap_iova_range, header, 0, 8);
ABI_FIELD(vfio_iommu_type1_info_cap_iova_range, nr_iovas, 8, 4);
ABI_FIELD(vfio_iommu_type1_info_cap_iova_range, reserved, 12, 4);
ABI_FIELD(vfio_iommu_type1_info_cap_iova_range, iova_ranges[0], 16, 16);

ABI_STRUCT(vfio_iommu_type1_info_cap_migration, 32);
ABI_FIELD(vfio_iommu_type1_info_cap_migration, header, 0, 8);
ABI_FIELD(vfio_iommu_type1_info_cap_migration, flags, 8, 4);
ABI_FIELD(vfio_iommu_type1_info_cap_migration, pgsize_bitmap, 16, 8);
ABI_FIELD(vfio_iommu_type1_info_cap_migration, max_dirty_bitmap_size, 24, 8);

ABI_STRUCT(vfio_iommu_type1_info_dma_avail, 12);
ABI_FIELD(vfio_iommu_type1_info_dma_avail, header, 0, 8);
ABI_FIELD(vfio_iommu_type1_info_dma_avail, avail, 8, 4);

ABI_STRUCT(vfio_iommu_type1_dma_map, 32);
ABI_FIELD(vfio_iommu_type1_dma_map, argsz, 0, 4);
ABI_FIELD(vfio_iommu_type1_dma_map, flags, 4, 4);
ABI_FIELD(vfio_iommu_type1_dma_map, vaddr, 8, 8);
ABI_FIELD(vfio_iommu_type1_dma_map, iova, 16, 8);
ABI_FIELD(vfio_iommu_type1_dma_map, size, 24, 8);

ABI_STRUCT(vfio_bitmap, 24);
ABI_FIELD(vfio_bitmap, pgsize, 0, 8);
ABI_FIELD(vfio_bitmap, size, 8, 8);
ABI_FIELD(vfio_bitmap, data, 16, 8);

ABI_STRUCT(vfio_iommu_type1_dma_unmap, 24);
ABI_FIELD(vfio_iommu_type1_dma_unmap, argsz, 0, 4);
ABI_FIELD(vfio_iommu_type1_dma_unmap, flags, 4, 4);
ABI_FIELD(vfio_iommu_type1_dma_unmap, iova, 8, 8);
ABI_FIELD(vfio_iommu_type1_dma_unmap, size, 16, 8);
ABI_FIELD(vfio_iommu_type1_dma_unmap, data[0], 24, 1);

ABI_STRUCT(vfio_iommu_type1_dirty_bitmap, 8);
ABI_FIELD(vfio_iommu_type1_dirty_bitmap, argsz, 0, 4);
ABI_FIELD(vfio_iommu_type1_dirty_bitmap, flags, 4, 4);
ABI_FIELD(vfio_iommu_type1_dirty_bitmap, data[0], 8, 1);

ABI_STRUCT(vfio_iommu_type1_dirty_bitmap_get, 40);
ABI_FIELD(vfio_iommu_type1_dirty_bitmap_get, iova, 0, 8);
ABI_FIELD(vfio_iommu_type1_dirty_bitmap_get, size, 8, 8);
ABI_FIELD(vfio_iommu_type1_dirty_bitmap_get, bitmap, 16, 24);

#endif

/* ---- abi/iommufd_test.h ---- */

#ifdef IOMMU_TEST_CMD

ABI_VALUE(IOMMU_TEST_CMD, 0x3ba0);
ABI_VALUE(IOMMU_HW_INFO_TYPE_SELFTEST, 0xfeedbeef);
ABI_VALUE(IOMMU_HW_INFO_SELFTEST_REGVAL, 0xdeadbeef);

ABI_VALUE(IOMMU_TEST_OP_ADD_RESERVED, 1);
ABI_VALUE(IOMMU_TEST_OP_MOCK_DOMAIN, 2);
ABI_VALUE(IOMMU_TEST_OP_MD_CHECK_MAP, 3);
ABI_VALUE(IOMMU_TEST_OP_MD_CHECK_REFS, 4);
ABI_VALUE(IOMMU_TEST_OP_CREATE_ACCESS, 5);
ABI_VALUE(IOMMU_TEST_OP_DESTROY_ACCESS_PAGES, 6);
ABI_VALUE(IOMMU_TEST_OP_ACCESS_PAGES, 7);
ABI_VALUE(IOMMU_TEST_OP_ACCESS_RW, 8);
ABI_VALUE(IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT, 9);
ABI_VALUE(IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE, 10);
ABI_VALUE(IOMMU_TEST_OP_ACCESS_REPLACE_IOAS, 11);
ABI_VALUE(IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS, 12);
ABI_VALUE(IOMMU_TEST_OP_DIRTY, 13);
ABI_VALUE(IOMMU_TEST_OP_MD_CHECK_IOTLB, 14);
ABI_VALUE(IOMMU_TEST_OP_TRIGGER_IOPF, 15);
#if ABI_SINCE(6, 15)
ABI_VALUE(IOMMU_TEST_OP_DEV_CHECK_CACHE, 16);
ABI_VALUE(IOMMU_TEST_DEV_CACHE_DEFAULT, 0xbaddad);
ABI_VALUE(MOCK_DEV_CACHE_ID_MAX, 3);
ABI_VALUE(MOCK_DEV_CACHE_NUM, 4);
ABI_FIELD(iommu_test_cmd, check_dev_cache.id, 16, 4);
ABI_FIELD(iommu_test_cmd, check_dev_cache.cache, 20, 4);
ABI_VALUE(IOMMU_TEST_OP_PASID_ATTACH, 18);
ABI_VALUE(IOMMU_TEST_OP_PASID_REPLACE, 19);
ABI_VALUE(IOMMU_TEST_OP_PASID_DETACH, 20);
ABI_VALUE(IOMMU_TEST_OP_PASID_CHECK_HWPT, 21);
#endif

ABI_VALUE(MOCK_APERTURE_START, 16777216);
ABI_VALUE(MOCK_APERTURE_LAST, 2147483647);
#if ABI_SINCE(7, 2)
ABI_VALUE(MOCK_PAGE_SIZE, 2048);
ABI_VALUE(MOCK_HUGE_PAGE_SIZE, 1048576);
#endif
#if ABI_SINCE(6, 15)
ABI_VALUE(MOCK_PASID_WIDTH, 20);
#endif

ABI_VALUE(MOCK_FLAGS_ACCESS_WRITE, 1);
ABI_VALUE(MOCK_FLAGS_ACCESS_SYZ, 65536);

ABI_VALUE(MOCK_ACCESS_RW_WRITE, 1);
ABI_VALUE(MOCK_ACCESS_RW_SLOW_PATH, 4);

ABI_VALUE(MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES, 1);

ABI_VALUE(MOCK_FLAGS_DEVICE_NO_DIRTY, 1);
#if !ABI_SINCE(6, 19) || defined(IODIRTY_TYPE)
ABI_VALUE(MOCK_FLAGS_DEVICE_HUGE_IOVA, 2);
#endif
#if ABI_SINCE(6, 15)
ABI_VALUE(MOCK_FLAGS_DEVICE_PASID, 4);
#endif

ABI_VALUE(MOCK_NESTED_DOMAIN_IOTLB_ID_MAX, 3);
ABI_VALUE(MOCK_NESTED_DOMAIN_IOTLB_NUM, 4);
ABI_VALUE(IOMMU_HWPT_DATA_SELFTEST, 0xdead);
ABI_VALUE(IOMMU_TEST_IOTLB_DEFAULT, 0xbadbeef);
ABI_VALUE(IOMMU_HWPT_INVALIDATE_DATA_SELFTEST, 0xdeadbeef);
ABI_VALUE(IOMMU_HWPT_INVALIDATE_DATA_SELFTEST_INVALID, 0xdadbeef);
ABI_VALUE(IOMMU_TEST_INVALIDATE_FLAG_ALL, 1);

/* 7.2 adds the format of a table of its own. */
#if !ABI_SINCE(7, 2) || defined(IODIRTY_TYPE)
#if ABI_SINCE(6, 19)
ABI_STRUCT(iommu_hwpt_selftest, 8);
ABI_FIELD(iommu_hwpt_selftest, pagetable_type, 4, 4);
ABI_VALUE(MOCK_IOMMUPT_DEFAULT, 0);
ABI_VALUE(MOCK_IOMMUPT_HUGE, 1);
#endif
#endif
ABI_FIELD(iommu_hwpt_selftest, iotlb, 0, 4);

ABI_STRUCT(iommu_hwpt_invalidate_selftest, 8);
ABI_FIELD(iommu_hwpt_invalidate_selftest, flags, 0, 4);
ABI_FIELD(iommu_hwpt_invalidate_selftest, iotlb_id, 4, 4);

ABI_STRUCT(iommu_test_hw_info, 8);
ABI_FIELD(iommu_test_hw_info, flags, 0, 4);
ABI_FIELD(iommu_test_hw_info, test_reg, 4, 4);

ABI_STRUCT(iommu_test_cmd, 72);
ABI_FIELD(iommu_test_cmd, size, 0, 4);
ABI_FIELD(iommu_test_cmd, op, 4, 4);
ABI_FIELD(iommu_test_cmd, id, 8, 4);
ABI_FIELD(iommu_test_cmd, __reserved, 12, 4);
ABI_FIELD(iommu_test_cmd, add_reserved.start, 16, 8);
ABI_FIELD(iommu_test_cmd, add_reserved.length, 24, 8);
ABI_FIELD(iommu_test_cmd, mock_domain.out_stdev_id, 16, 4);
ABI_FIELD(iommu_test_cmd, mock_domain.out_hwpt_id, 20, 4);
ABI_FIELD(iommu_test_cmd, mock_domain.out_idev_id, 24, 4);
ABI_FIELD(iommu_test_cmd, mock_domain_flags.out_stdev_id, 16, 4);
ABI_FIELD(iommu_test_cmd, mock_domain_flags.out_hwpt_id, 20, 4);
ABI_FIELD(iommu_test_cmd, mock_domain_flags.out_idev_id, 24, 4);
ABI_FIELD(iommu_test_cmd, mock_domain_flags.dev_flags, 28, 4);
ABI_FIELD(iommu_test_cmd, mock_domain_replace.pt_id, 16, 4);
ABI_FIELD(iommu_test_cmd, check_map.iova, 16, 8);
ABI_FIELD(iommu_test_cmd, check_map.length, 24, 8);
ABI_FIELD(iommu_test_cmd, check_map.uptr, 32, 8);
ABI_FIELD(iommu_test_cmd, check_refs.length, 16, 8);
ABI_FIELD(iommu_test_cmd, check_refs.uptr, 24, 8);
ABI_FIELD(iommu_test_cmd, check_refs.refs, 32, 4);
ABI_FIELD(iommu_test_cmd, create_access.out_access_fd, 16, 4);
ABI_FIELD(iommu_test_cmd, create_access.flags, 20, 4);
ABI_FIELD(iommu_test_cmd, destroy_access_pages.access_pages_id, 16, 4);
ABI_FIELD(iommu_test_cmd, access_pages.flags, 16, 4);
ABI_FIELD(iommu_test_cmd, access_pages.out_access_pages_id, 20, 4);
ABI_FIELD(iommu_test_cmd, access_pages.iova, 24, 8);
ABI_FIELD(iommu_test_cmd, access_pages.length, 32, 8);
ABI_FIELD(iommu_test_cmd, access_pages.uptr, 40, 8);
ABI_FIELD(iommu_test_cmd, access_rw.iova, 16, 8);
ABI_FIELD(iommu_test_cmd, access_rw.length, 24, 8);
ABI_FIELD(iommu_test_cmd, access_rw.uptr, 32, 8);
ABI_FIELD(iommu_test_cmd, access_rw.flags, 40, 4);
ABI_FIELD(iommu_test_cmd, memory_limit.limit, 16, 4);
ABI_FIELD(iommu_test_cmd, access_replace_ioas.ioas_id, 16, 4);
ABI_FIELD(iommu_test_cmd, dirty.flags, 16, 4);
ABI_FIELD(iommu_test_cmd, dirty.iova, 24, 8);
ABI_FIELD(iommu_test_cmd, dirty.length, 32, 8);
ABI_FIELD(iommu_test_cmd, dirty.page_size, 40, 8);
ABI_FIELD(iommu_test_cmd, dirty.uptr, 48, 8);
ABI_FIELD(iommu_test_cmd, dirty.out_nr_dirty, 56, 8);
ABI_FIELD(iommu_test_cmd, check_iotlb.id, 16, 4);
ABI_FIELD(iommu_test_cmd, check_iotlb.iotlb, 20, 4);
ABI_FIELD(iommu_test_cmd, trigger_iopf.dev_id, 16, 4);
ABI_FIELD(iommu_test_cmd, trigger_iopf.pasid, 20, 4);
ABI_FIELD(iommu_test_cmd, trigger_iopf.grpid, 24, 4);
ABI_FIELD(iommu_test_cmd, trigger_iopf.perm, 28, 4);
ABI_FIELD(iommu_test_cmd, trigger_iopf.addr, 32, 8);
#if ABI_SINCE(6, 15)
ABI_FIELD(iommu_test_cmd, pasid_attach.pasid, 16, 4);
ABI_FIELD(iommu_test_cmd, pasid_attach.pt_id, 20, 4);
ABI_FIELD(iommu_test_cmd, pasid_replace.pasid, 16, 4);
ABI_FIELD(iommu_test_cmd, pasid_replace.pt_id, 20, 4);
ABI_FIELD(iommu_test_cmd, pasid_detach.pasid, 16, 4);
ABI_FIELD(iommu_test_cmd, pasid_check.pasid, 16, 4);
ABI_FIELD(iommu_test_cmd, pasid_check.hwpt_id, 20, 4);
#endif
ABI_FIELD(iommu_test_cmd, last, 64, 4);

#endif

/* ---- abi/iodirty.h ---- */

#ifdef IODIRTY_TYPE

ABI_VALUE(IODIRTY_TYPE, 0xd1);
ABI_VALUE(IODIRTY_FORMAT_INFO, 0xd100);
ABI_VALUE(IODIRTY_PLUG, 0xd101);
ABI_VALUE(IODIRTY_UNPLUG, 0xd102);
ABI_VALUE(IODIRTY_ATTACH, 0xd103);
ABI_VALUE(IODIRTY_DETACH, 0xd104);
ABI_VALUE(IODIRTY_DMA, 0xd105);
ABI_VALUE(IODIRTY_STREAM_START, 0xd106);
ABI_VALUE(IODIRTY_STREAM_QUERY, 0xd107);
ABI_VALUE(IODIRTY_STATS, 0xd108);
ABI_VALUE(IODIRTY_TABLE_READ, 0xd109);
ABI_VALUE(IODIRTY_LEAF, 0xd10a);
ABI_VALUE(IODIRTY_ENGINE, 0xd10b);
ABI_VALUE(IODIRTY_FAIL_NTH, 0xd10c);
ABI_VALUE(IODIRTY_MEMLOCK, 0xd10d);
ABI_VALUE(IODIRTY_SPLIT, 0xd10e);
ABI_VALUE(IODIRTY_UNMAP_DIRTY, 0xd10f);
ABI_VALUE(IODIRTY_VFIO_PLUG, 0xd110);
ABI_VALUE(IODIRTY_VFIO_UNPLUG, 0xd111);
ABI_VALUE(IODIRTY_VFIO_OPEN, 0xd112);

ABI_VALUE(IODIRTY_FORMAT_DIRTY, 1);
ABI_VALUE(IODIRTY_FORMAT_NEST_PARENT, 2);
ABI_VALUE(IODIRTY_FORMAT_DIRTY_PASID, 4);
ABI_VALUE(IODIRTY_FORMAT_VARIANT, 8);
ABI_VALUE(IODIRTY_FORMAT_WRITE_READS, 16);

ABI_VALUE(IODIRTY_PLUG_NO_DIRTY, 1);

ABI_VALUE(IODIRTY_ATTACH_REPLACE, 1);

ABI_VALUE(IODIRTY_DMA_READ, 0);
ABI_VALUE(IODIRTY_DMA_WRITE, 1);
ABI_VALUE(IODIRTY_DMA_FETCH_ADD, 2);
ABI_VALUE(IODIRTY_DMA_SWAP, 3);
ABI_VALUE(IODIRTY_DMA_CAS, 4);

ABI_VALUE(IODIRTY_FAULT_NONE, 0);
ABI_VALUE(IODIRTY_FAULT_NOT_ATTACHED, 1);
ABI_VALUE(IODIRTY_FAULT_NOT_PRESENT, 2);
ABI_VALUE(IODIRTY_FAULT_PERMISSION, 3);
ABI_VALUE(IODIRTY_FAULT_ADDRESS, 4);
ABI_VALUE(IODIRTY_FAULT_MEMORY, 5);
ABI_VALUE(IODIRTY_FAULT_BAD_TABLE, 6);
ABI_VALUE(IODIRTY_FAULT_STOPPED, 7);

ABI_VALUE(IODIRTY_PATTERN_SEQUENTIAL, 0);
ABI_VALUE(IODIRTY_PATTERN_RANDOM, 1);

ABI_VALUE(IODIRTY_STREAM_STOP, 1);

ABI_VALUE(IODIRTY_ENGINE_GET_INDEX, 0);
ABI_VALUE(IODIRTY_ENGINE_SELECT, 1);

ABI_VALUE(IODIRTY_VFIO_PCI, 0);
ABI_VALUE(IODIRTY_VFIO_MDEV, 1);
ABI_VALUE(IODIRTY_VFIO_MDEV_PASID, 2);
ABI_VALUE(IODIRTY_VFIO_NO_DIRTY, 1);
ABI_VALUE(IODIRTY_VFIO_LOG, 2);
ABI_VALUE(IODIRTY_VFIO_MIGRATION, 4);
ABI_VALUE(IODIRTY_VFIO_P2P, 8);
ABI_VALUE(IODIRTY_VFIO_PRE_COPY, 16);
ABI_VALUE(IODIRTY_VFIO_DEVICE, 0);
ABI_VALUE(IODIRTY_VFIO_GROUP, 1);
ABI_VALUE(IODIRTY_VFIO_CONTAINER, 2);
ABI_VALUE(IODIRTY_BAR_GEN_IOVA, 0x1000);
ABI_VALUE(IODIRTY_BAR_GEN_CONTROL, 0x1040);
ABI_VALUE(IODIRTY_BAR_GEN_FAULTS, 0x1050);
ABI_VALUE(IODIRTY_BAR_PIN_IOVA, 0x2000);
ABI_VALUE(IODIRTY_BAR_PIN_LENGTH, 0x2008);
ABI_VALUE(IODIRTY_BAR_PIN_CONTROL, 0x2010);
ABI_VALUE(IODIRTY_BAR_PIN_ERROR, 0x2018);
ABI_VALUE(IODIRTY_SPLIT_KEEP, 0);
ABI_VALUE(IODIRTY_SPLIT_BREAK_BEFORE_MAKE, 1);
ABI_VALUE(IODIRTY_SPLIT_IN_PLACE, 2);

ABI_STRUCT(iodirty_format_info, 56);
ABI_FIELD(iodirty_format_info, size, 0, 4);
ABI_FIELD(iodirty_format_info, index, 4, 4);
ABI_FIELD(iodirty_format_info, name, 8, 16);
ABI_FIELD(iodirty_format_info, flags, 24, 4);
ABI_FIELD(iodirty_format_info, granule_lg2, 28, 4);
ABI_FIELD(iodirty_format_info, leaf_sizes, 32, 8);
ABI_FIELD(iodirty_format_info, aperture_first, 40, 8);
ABI_FIELD(iodirty_format_info, aperture_last, 48, 8);

ABI_STRUCT(iodirty_plug, 72);
ABI_FIELD(iodirty_plug, size, 0, 4);
ABI_FIELD(iodirty_plug, flags, 4, 4);
ABI_FIELD(iodirty_plug, format, 8, 16);
ABI_FIELD(iodirty_plug, iommu_id, 24, 4);
ABI_FIELD(iodirty_plug, pasid_width, 28, 4);
ABI_FIELD(iodirty_plug, resv_start, 32, 8);
ABI_FIELD(iodirty_plug, resv_length, 40, 8);
ABI_FIELD(iodirty_plug, out_dev_id, 48, 4);
ABI_FIELD(iodirty_plug, __reserved, 52, 4);
ABI_FIELD(iodirty_plug, iotlb_sets, 56, 4);
ABI_FIELD(iodirty_plug, iotlb_ways, 60, 4);
ABI_FIELD(iodirty_plug, walk_entries, 64, 4);
ABI_FIELD(iodirty_plug, atc_entries, 68, 4);

ABI_STRUCT(iodirty_unplug, 8);
ABI_FIELD(iodirty_unplug, size, 0, 4);
ABI_FIELD(iodirty_unplug, dev_id, 4, 4);

ABI_STRUCT(iodirty_attach, 24);
ABI_FIELD(iodirty_attach, size, 0, 4);
ABI_FIELD(iodirty_attach, flags, 4, 4);
ABI_FIELD(iodirty_attach, dev_id, 8, 4);
ABI_FIELD(iodirty_attach, pasid, 12, 4);
ABI_FIELD(iodirty_attach, pt_id, 16, 4);
ABI_FIELD(iodirty_attach, __reserved, 20, 4);

ABI_STRUCT(iodirty_detach, 16);
ABI_FIELD(iodirty_detach, size, 0, 4);
ABI_FIELD(iodirty_detach, dev_id, 4, 4);
ABI_FIELD(iodirty_detach, pasid, 8, 4);
ABI_FIELD(iodirty_detach, __reserved, 12, 4);

ABI_STRUCT(iodirty_dma, 88);
ABI_FIELD(iodirty_dma, size, 0, 4);
ABI_FIELD(iodirty_dma, op, 4, 4);
ABI_FIELD(iodirty_dma, dev_id, 8, 4);
ABI_FIELD(iodirty_dma, pasid, 12, 4);
ABI_FIELD(iodirty_dma, iova, 16, 8);
ABI_FIELD(iodirty_dma, length, 24, 8);
ABI_FIELD(iodirty_dma, data, 32, 8);
ABI_FIELD(iodirty_dma, operand, 40, 8);
ABI_FIELD(iodirty_dma, compare, 48, 8);
ABI_FIELD(iodirty_dma, out_old, 56, 8);
ABI_FIELD(iodirty_dma, out_done, 64, 8);
ABI_FIELD(iodirty_dma, out_fault_iova, 72, 8);
ABI_FIELD(iodirty_dma, out_fault, 80, 4);
ABI_FIELD(iodirty_dma, __reserved, 84, 4);

ABI_STRUCT(iodirty_stream_start, 72);
ABI_FIELD(iodirty_stream_start, size, 0, 4);
ABI_FIELD(iodirty_stream_start, pattern, 4, 4);
ABI_FIELD(iodirty_stream_start, dev_id, 8, 4);
ABI_FIELD(iodirty_stream_start, pasid, 12, 4);
ABI_FIELD(iodirty_stream_start, iova, 16, 8);
ABI_FIELD(iodirty_stream_start, length, 24, 8);
ABI_FIELD(iodirty_stream_start, stride, 32, 8);
ABI_FIELD(iodirty_stream_start, seed, 40, 8);
ABI_FIELD(iodirty_stream_start, rate, 48, 8);
ABI_FIELD(iodirty_stream_start, count, 56, 8);
ABI_FIELD(iodirty_stream_start, out_stream_id, 64, 4);
ABI_FIELD(iodirty_stream_start, __reserved, 68, 4);

ABI_STRUCT(iodirty_stream_query, 32);
ABI_FIELD(iodirty_stream_query, size, 0, 4);
ABI_FIELD(iodirty_stream_query, flags, 4, 4);
ABI_FIELD(iodirty_stream_query, stream_id, 8, 4);
ABI_FIELD(iodirty_stream_query, __reserved, 12, 4);
ABI_FIELD(iodirty_stream_query, out_completed, 16, 8);
ABI_FIELD(iodirty_stream_query, out_faults, 24, 8);

ABI_STRUCT(iodirty_stats, 200);
ABI_FIELD(iodirty_stats, size, 0, 4);
ABI_FIELD(iodirty_stats, __reserved, 4, 4);
ABI_FIELD(iodirty_stats, dma_ops, 8, 8);
ABI_FIELD(iodirty_stats, iotlb_hits, 16, 8);
ABI_FIELD(iodirty_stats, iotlb_misses, 24, 8);
ABI_FIELD(iodirty_stats, walks, 32, 8);
ABI_FIELD(iodirty_stats, dirty_sets, 40, 8);
ABI_FIELD(iodirty_stats, invalidations, 48, 8);
ABI_FIELD(iodirty_stats, invalidated_bytes, 56, 8);
ABI_FIELD(iodirty_stats, cleaned_bytes, 64, 8);
ABI_FIELD(iodirty_stats, entries_scanned, 72, 8);
ABI_FIELD(iodirty_stats, entries_cleared, 80, 8);
ABI_FIELD(iodirty_stats, pinned_pages, 88, 8);
ABI_FIELD(iodirty_stats, table_pages, 96, 8);
ABI_FIELD(iodirty_stats, requests_served, 104, 8);
ABI_FIELD(iodirty_stats, requests_refused, 112, 8);
ABI_FIELD(iodirty_stats, walk_cache_hits, 120, 8);
ABI_FIELD(iodirty_stats, walk_cache_misses, 128, 8);
ABI_FIELD(iodirty_stats, atc_hits, 136, 8);
ABI_FIELD(iodirty_stats, atc_misses, 144, 8);
ABI_FIELD(iodirty_stats, atc_invalidations, 152, 8);
ABI_FIELD(iodirty_stats, waits, 160, 8);
ABI_FIELD(iodirty_stats, harvest_pieces, 168, 8);
ABI_FIELD(iodirty_stats, window_pins, 176, 8);
ABI_FIELD(iodirty_stats, tables_passed, 184, 8);
ABI_FIELD(iodirty_stats, tables_accessed, 192, 8);

ABI_STRUCT(iodirty_table_read, 80);
ABI_FIELD(iodirty_table_read, size, 0, 4);
ABI_FIELD(iodirty_table_read, hwpt_id, 4, 4);
ABI_FIELD(iodirty_table_read, iova, 8, 8);
ABI_FIELD(iodirty_table_read, length, 16, 8);
ABI_FIELD(iodirty_table_read, out_entries, 24, 8);
ABI_FIELD(iodirty_table_read, out_sum, 32, 8);
ABI_FIELD(iodirty_table_read, loop, 40, 4);
ABI_FIELD(iodirty_table_read, order, 44, 4);
ABI_FIELD(iodirty_table_read, flags, 48, 4);
ABI_FIELD(iodirty_table_read, __reserved, 52, 4);
ABI_FIELD(iodirty_table_read, out_ns, 56, 8);
ABI_FIELD(iodirty_table_read, out_loop, 64, 16);

ABI_STRUCT(iodirty_leaf, 32);
ABI_FIELD(iodirty_leaf, size, 0, 4);
ABI_FIELD(iodirty_leaf, hwpt_id, 4, 4);
ABI_FIELD(iodirty_leaf, iova, 8, 8);
ABI_FIELD(iodirty_leaf, out_start, 16, 8);
ABI_FIELD(iodirty_leaf, out_lg2, 24, 4);
ABI_FIELD(iodirty_leaf, out_dirty, 28, 4);

ABI_STRUCT(iodirty_record_entry, 40);
ABI_FIELD(iodirty_record_entry, ns, 0, 8);
ABI_FIELD(iodirty_record_entry, iova, 8, 8);
ABI_FIELD(iodirty_record_entry, length, 16, 8);
ABI_FIELD(iodirty_record_entry, dev_id, 24, 4);
ABI_FIELD(iodirty_record_entry, pasid, 28, 4);
ABI_FIELD(iodirty_record_entry, op, 32, 4);
ABI_FIELD(iodirty_record_entry, __reserved, 36, 4);

ABI_STRUCT(iodirty_record, 40);
ABI_FIELD(iodirty_record, size, 0, 4);
ABI_FIELD(iodirty_record, op, 4, 4);
ABI_FIELD(iodirty_record, capacity, 8, 4);
ABI_FIELD(iodirty_record, count, 12, 4);
ABI_FIELD(iodirty_record, entries, 16, 8);
ABI_FIELD(iodirty_record, out_lost, 24, 8);
ABI_FIELD(iodirty_record, out_count, 32, 4);
ABI_FIELD(iodirty_record, __reserved, 36, 4);

ABI_STRUCT(iodirty_engine, 104);
ABI_FIELD(iodirty_engine, size, 0, 4);
ABI_FIELD(iodirty_engine, op, 4, 4);
ABI_FIELD(iodirty_engine, index, 8, 4);
ABI_FIELD(iodirty_engine, flags, 12, 4);
ABI_FIELD(iodirty_engine, name, 16, 16);
ABI_FIELD(iodirty_engine, clear, 32, 4);
ABI_FIELD(iodirty_engine, out_usable, 36, 4);
ABI_FIELD(iodirty_engine, out_summary, 40, 64);

ABI_STRUCT(iodirty_fail_nth, 16);
ABI_FIELD(iodirty_fail_nth, size, 0, 4);
ABI_FIELD(iodirty_fail_nth, nth, 4, 4);
ABI_FIELD(iodirty_fail_nth, out_left, 8, 4);
ABI_FIELD(iodirty_fail_nth, __reserved, 12, 4);

ABI_STRUCT(iodirty_memlock, 16);
ABI_FIELD(iodirty_memlock, size, 0, 4);
ABI_FIELD(iodirty_memlock, __reserved, 4, 4);
ABI_FIELD(iodirty_memlock, limit, 8, 8);

ABI_STRUCT(iodirty_split, 16);
ABI_FIELD(iodirty_split, size, 0, 4);
ABI_FIELD(iodirty_split, hwpt_id, 4, 4);
ABI_FIELD(iodirty_split, policy, 8, 4);
ABI_FIELD(iodirty_split, __reserved, 12, 4);

ABI_STRUCT(iodirty_unmap_dirty, 48);
ABI_FIELD(iodirty_unmap_dirty, size, 0, 4);
ABI_FIELD(iodirty_unmap_dirty, flags, 4, 4);
ABI_FIELD(iodirty_unmap_dirty, ioas_id, 8, 4);
ABI_FIELD(iodirty_unmap_dirty, __reserved, 12, 4);
ABI_FIELD(iodirty_unmap_dirty, iova, 16, 8);
ABI_FIELD(iodirty_unmap_dirty, length, 24, 8);
ABI_FIELD(iodirty_unmap_dirty, page_size, 32, 8);
ABI_FIELD(iodirty_unmap_dirty, data, 40, 8);

ABI_STRUCT(iodirty_vfio_plug, 48);
ABI_FIELD(iodirty_vfio_plug, size, 0, 4);
ABI_FIELD(iodirty_vfio_plug, flags, 4, 4);
ABI_FIELD(iodirty_vfio_plug, kind, 8, 4);
ABI_FIELD(iodirty_vfio_plug, pasid, 12, 4);
ABI_FIELD(iodirty_vfio_plug, format, 16, 16);
ABI_FIELD(iodirty_vfio_plug, pasid_width, 32, 4);
ABI_FIELD(iodirty_vfio_plug, log_entries, 36, 4);
ABI_FIELD(iodirty_vfio_plug, out_vfio_id, 40, 4);
ABI_FIELD(iodirty_vfio_plug, out_number, 44, 4);

ABI_STRUCT(iodirty_vfio_unplug, 8);
ABI_FIELD(iodirty_vfio_unplug, size, 0, 4);
ABI_FIELD(iodirty_vfio_unplug, vfio_id, 4, 4);

ABI_STRUCT(iodirty_vfio_open, 16);
ABI_FIELD(iodirty_vfio_open, size, 0, 4);
ABI_FIELD(iodirty_vfio_open, node, 4, 4);
ABI_FIELD(iodirty_vfio_open, vfio_id, 8, 4);
ABI_FIELD(iodirty_vfio_open, out_fd, 12, 4);

ABI_STRUCT(iodirty_vfio_id, 8);
ABI_FIELD(iodirty_vfio_id, size, 0, 4);
ABI_FIELD(iodirty_vfio_id, out_dev_id, 4, 4);

#endif
