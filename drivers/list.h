/* One line for each driver; expanded twice by drivers/driver.c (declaration, table). */
