"""Rules of a placement: filters, diversity, paging."""
