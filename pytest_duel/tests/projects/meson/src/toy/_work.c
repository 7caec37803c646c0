#include <Python.h>

#define ROUNDS 20000

static PyObject *worked(long rounds) {
    volatile long number = 0;
    for (long i = 0; i < rounds; i++) number += 1;
    return PyLong_FromLong(number);
}

static PyObject *busy(PyObject *self, PyObject *ignored) { return worked(ROUNDS); }

static PyObject *quick(PyObject *self, PyObject *ignored) { return worked(10000); }

static PyMethodDef methods[] = {
    {"busy", busy, METH_NOARGS, "Return the rounds that were worked."},
    {"quick", quick, METH_NOARGS, "Work less."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_work", NULL, -1, methods};

PyMODINIT_FUNC PyInit__work(void) { return PyModule_Create(&module); }
