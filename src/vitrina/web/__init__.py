"""The page of `vitrina serve`: a thin layer over Catalog; only this part knows its framework."""
