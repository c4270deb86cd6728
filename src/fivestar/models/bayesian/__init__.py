"""Samples from the posterior: predictions that know how sure they are.

``bpmf`` and ``bayesian_mf`` are settings of the one ``factorization``, which composes a
``sampler`` of a ``likelihood`` (with ``cutpoints``) and the ``prior`` of rows.
"""
