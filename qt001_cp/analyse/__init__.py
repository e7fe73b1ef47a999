"""Static analysis of routines and views: what each really reads, writes, calls and uses.

Pure functions from text to data: no server, no file. What cannot be understood is an ``Unknown``, never silence.
"""
