"""What a vision transformer attends to (TokenMix, Figures 3 and 6): class-token attention by
layer (`class_token`), its share inside the true box (`boxes`), label shares by attention and by
area (`target_scores`), and their pictures (`draw`).
"""
