"""Two arms measured in pairs: installing them, the workers, the engine, sampling, counting."""
