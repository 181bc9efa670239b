"""medGAN.

Choi, Biswal, Malin, Duke, Stewart and Sun (2017), Generating Multi-label Discrete Patient Records using Generative
Adversarial Networks, MLHC; arXiv 1703.06490. Sections and equations are quoted by its numbers.
"""
