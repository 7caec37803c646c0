#include <Python.h>

#define ROUNDS 20000

static PyObject *busy(PyObject *self, PyObject *ignored) {
    volatile long number = 0;
    for (long i = 0; i < ROUNDS; i++) number += i;
    return PyLong_FromLong(number != 0);
}

static PyObject *quick(PyObject *self, PyObject *ignored) {
    volatile long number = 0;
    for (long i = 0; i < 20000; i++) number += i;
    return PyLong_FromLong(number != 0);
}

static PyMethodDef methods[] = {
    {"busy", busy, METH_NOARGS, "Work."},
    {"quick", quick, METH_NOARGS, "Work less."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "toy", NULL, -1, methods};

PyMODINIT_FUNC PyInit_toy(void) { return PyModule_Create(&module); }
