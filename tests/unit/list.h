/* One line for each file of unit tests: CASE(folder_file). */
