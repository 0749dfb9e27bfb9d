"""Networks: their builders, fused form, LiteRT form, weights and cost."""
