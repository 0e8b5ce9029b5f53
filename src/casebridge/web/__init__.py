"""Two listeners in one process: the partners' doors and the console. They never share a port."""
