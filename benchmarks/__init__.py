"""Side-by-side measurements on real data. Ratios against a named peer in one run; machines differ, ratios less."""
