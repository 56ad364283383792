-- How many submissions the staged rows ask for: one a type.
SELECT coalesce(sum(1 + length(types) - length(replace(types, ',', ''))), 0)::bigint FROM staged
