from setuptools import Extension, setup

setup(name="kernels", version="1.0", ext_modules=[Extension("kernels", ["kernels.c"])])
