"""One module per schema version; run by `penchant.storage.upgrade`."""
