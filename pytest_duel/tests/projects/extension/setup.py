from setuptools import Extension, setup

setup(name="toy", version="1.0", ext_modules=[Extension("toy", ["toy.c"])])
